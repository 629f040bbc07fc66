import Faults
import Foundation

/// A file that a user named.
enum NamedFile {
  /// - Parameters:
  ///   - source: its name, for errors.
  ///   - longest: nothing is read behind the first byte past it.
  /// - Throws: `Fault(.notFound)` when it cannot be opened or read.
  static func bytes(_ source: String, longest: Int = .max, open: () throws -> FileHandle) throws -> Data {
    do {
      let handle = try open()
      var bytes = Data()
      while bytes.count <= longest, let piece = try handle.read(upToCount: 64 << 10), !piece.isEmpty { bytes += piece }
      return bytes
    } catch {
      throw Fault(
        .notFound, operation: "read \(source)", reason: "the file cannot be read",
        remedy: "check the path and its mode",
        cause: error)
    }
  }

  /// The text of the file at a path.
  ///
  /// - Parameter longest: of a longer one, what is read ends behind it; whoever parses it refuses it.
  /// - Throws: `Fault(.notFound)` when it cannot be read, `Fault(.invalid)` for what is no UTF-8.
  static func text(of path: String, longest: Int = .max) throws -> String {
    try text(bytes(path, longest: longest) { try FileHandle(forReadingFrom: URL(filePath: path)) }, source: path)
  }

  /// The file is there whole or, when this throws, as it was.
  static func write(_ content: Data, to path: String) throws {
    do { try content.write(to: URL(filePath: path), options: .atomic) } catch {
      throw Fault(
        .failed, operation: "write \(path)", reason: "the file cannot be written",
        remedy: "name a file in a directory that exists", cause: error)
    }
  }

  /// - Throws: `Fault(.invalid)` for what is no UTF-8.
  static func text(_ bytes: Data, source: String) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Fault(.invalid, operation: "read \(source)", reason: "it is not UTF-8 text", remedy: "save it as UTF-8")
    }
    return text
  }
}
