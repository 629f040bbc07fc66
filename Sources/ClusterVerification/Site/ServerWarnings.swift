import Logging
import Synchronization

/// What the API server warns of, which it says in headers, and the client's logger hears.
final class ServerWarnings: LogHandler {
  private static let most = 1_000
  private let heard = Mutex<[(operation: String, text: String)]>([])

  var logger: Logger { Logger(label: "lobstack.verify") { _ in self } }

  /// What was said of requests about an object.
  func about(_ name: String, in namespace: String) -> [String] {
    heard.withLock { $0.filter { $0.operation.hasSuffix(" \(namespace)/\(name)") }.map(\.text) }
  }

  func log(event: LogEvent) {
    guard let text = event.metadata?["warning"], let operation = event.metadata?["operation"] else { return }
    heard.withLock { heard in if heard.count < Self.most { heard.append(("\(operation)", "\(text)")) } }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }

  var logLevel: Logger.Level {
    get { .notice }
    set {}
  }
}
