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
    let bytes = try bytes(of: source)
    guard bytes.count <= APIProtocol.longestBody else {
      throw Fault(
        .invalid, operation: "read \(source)",
        reason: "it has more than \(APIProtocol.longestBody) bytes, the most that an agent document may have",
        remedy: "shorten it: put large values into files of the image")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Fault(.invalid, operation: "read \(source)", reason: "it is not UTF-8 text", remedy: "save it as UTF-8")
    }
    return (text, try parseAgent(text, source: source))
  }

  /// At most one byte more than is allowed.
  private func bytes(of source: String) throws -> Data {
    do {
      let handle = path == "-" ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(filePath: path))
      var bytes = Data()
      while bytes.count <= APIProtocol.longestBody, let piece = try handle.read(upToCount: 64 << 10), !piece.isEmpty {
        bytes += piece
      }
      return bytes
    } catch {
      throw Fault(
        .notFound, operation: "read \(source)", reason: "the file cannot be read",
        remedy: "check the path and its mode",
        cause: error)
    }
  }
}
