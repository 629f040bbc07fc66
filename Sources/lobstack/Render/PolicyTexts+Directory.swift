import Faults
import Foundation
import KubernetesRendering

extension PolicyTexts {
  private static let longestFile = 4 << 20
  private static let mostFiles = 5_000

  /// Reads the files of a policy directory, links left out.
  ///
  /// - Throws: `Fault` when one cannot be read; a policy that is not whole is not rendered.
  init(directory: String) throws {
    func failure(_ path: String, _ reason: String) -> Fault {
      Fault(.invalid, operation: "read \(path)", reason: reason, remedy: "restore the policy directory")
    }
    let root = URL(filePath: directory).resolvingSymlinksInPath().path
    guard let paths = FileManager.default.enumerator(atPath: root) else {
      throw failure(root, "the directory cannot be listed")
    }
    var texts: [String: String] = [:]
    for case let path as String in paths where paths.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
      guard texts.count < Self.mostFiles else { throw failure(root, "it has more than \(Self.mostFiles) files") }
      let text = try NamedFile.text(of: "\(root)/\(path)", longest: Self.longestFile)
      guard text.utf8.count <= Self.longestFile else {
        throw failure("\(root)/\(path)", "it has more than \(Self.longestFile) bytes")
      }
      texts[path] = text
    }
    self.init(texts)
  }
}
