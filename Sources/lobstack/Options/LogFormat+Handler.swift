import AgentModel
import ArgumentParser
import Logging

extension LogFormat: ExpressibleByArgument {
  func handler(_ label: String, _ metadata: Logger.MetadataProvider? = nil) -> any LogHandler {
    switch self {
    case .text: StreamLogHandler.standardError(label: label, metadataProvider: metadata)
    case .json: JSONLogHandler(label: label, metadataProvider: metadata)
    }
  }
}
