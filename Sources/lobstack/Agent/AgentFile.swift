import APIModel
import AgentModel
import Blueprint
import Faults
import Foundation

/// An Agent document in a file, or on standard input as `-`.
struct AgentFile {
  let path: String

  init(_ path: String) { self.path = path }

  /// - Returns: The text, parsed once here so that an error names the file and its line.
  /// - Throws: `Fault(.invalid)` for what is no Agent, or too long for the API.
  func document() throws -> String { try read().document }

  /// The same, with what the text means.
  func read() throws -> (document: String, agent: Agent) {
    let source = path == "-" ? "standard input" : path
    let bytes = try NamedFile.bytes(source, longest: APIProtocol.longestBody) {
      path == "-" ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(filePath: path))
    }
    guard bytes.count <= APIProtocol.longestBody else {
      throw Fault(
        .invalid, operation: "read \(source)",
        reason: "it has more than \(APIProtocol.longestBody) bytes, the most that an agent document may have",
        remedy: "shorten it: put large values into files of the image")
    }
    let text = try NamedFile.text(bytes, source: source)
    return (text, try parseAgent(text, source: source))
  }
}
