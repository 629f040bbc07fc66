import Faults
import Foundation

extension PolicyTexts {
  private static let longestFile = 4 << 20
  private static let mostFiles = 5_000

  /// Reads the files of a policy directory, links left out.
  ///
  /// - Throws: `Fault` when one cannot be read; a policy that is not whole is not rendered.
  package init(directory: String) throws {
    func failure(_ path: String, _ reason: String, _ cause: (any Error)? = nil) -> Fault {
      Fault(
        .invalid, operation: "read \(path)", reason: reason, remedy: "restore the policy directory", cause: cause)
    }
    let root = URL(filePath: directory).resolvingSymlinksInPath().path
    guard let paths = FileManager.default.enumerator(atPath: root) else {
      throw failure(root, "the directory cannot be listed")
    }
    var texts: [String: String] = [:]
    for case let path as String in paths where paths.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
      guard texts.count < Self.mostFiles else { throw failure(root, "it has more than \(Self.mostFiles) files") }
      let file = "\(root)/\(path)"
      guard (paths.fileAttributes?[.size] as? Int ?? 0) <= Self.longestFile else {
        throw failure(file, "it has more than \(Self.longestFile) bytes")
      }
      do { texts[path] = try String(contentsOfFile: file, encoding: .utf8) } catch {
        throw failure(file, "it cannot be read as UTF-8 text", error)
      }
    }
    self.init(texts)
  }
}
