import Faults
import Files
import Foundation
import KubernetesRendering
import Manifests

/// A directory that a rendering is written to.
struct RenderedDirectory {
  /// Of the directory, from where it is told.
  let path: String

  /// What an earlier rendering wrote, so that what is no longer rendered goes, and nothing else does.
  private static let list = ".rendered"

  /// Writes files, each of them whole, the list of what is applied last, and removes those of an earlier rendering.
  ///
  /// - Returns: how many files there are.
  func write(_ files: [ManifestFile]) throws -> Int {
    let texts = try files.map { (path: $0.path, text: try $0.text()) }
    let before = try earlier()
    for (file, text) in texts.reversed() {
      let target = "\(path)/\(file)"
      try attempt("make the directory of \(target)") {
        try FileManager.default.createDirectory(
          atPath: URL(filePath: target).deletingLastPathComponent().path, withIntermediateDirectories: true)
      }
      try writeAtomically(Data(text.utf8), to: target, mode: 0o644)
    }
    for file in before where !texts.contains(where: { $0.path == file }) {
      let target = "\(path)/\(file)"
      guard FileManager.default.fileExists(atPath: target) else { continue }
      try attempt("remove \(target)") { try FileManager.default.removeItem(atPath: target) }
    }
    let names = texts.map(\.path).sorted().joined(separator: "\n") + "\n"
    try writeAtomically(Data(names.utf8), to: "\(path)/\(Self.list)", mode: 0o644)
    return texts.count
  }

  /// - Throws: `Fault(.conflict)` for a directory with files that no rendering wrote.
  private func earlier() throws -> [String] {
    let files = FileManager.default
    guard files.fileExists(atPath: path) else { return [] }
    if let list = try? String(contentsOfFile: "\(path)/\(Self.list)", encoding: .utf8) {
      // The list is a file that anybody may have written to: what it names lies below, whatever it says.
      return list.split(separator: "\n").map(String.init).filter { name in
        !name.hasPrefix("/") && !name.split(separator: "/").contains("..")
          && [".yaml", ".json", ".toml", ".md"].contains { name.hasSuffix($0) }
      }
    }
    var found: [String] = []
    try attempt("list \(path)") { found = try files.contentsOfDirectory(atPath: path) }
    guard found.isEmpty else {
      throw Fault(
        .conflict, operation: "write to \(path)", reason: "it has files that were not rendered",
        remedy: "name an empty directory, or one that was rendered before")
    }
    return []
  }

  private func attempt(_ operation: String, _ body: () throws -> Void) throws {
    do { try body() } catch {
      throw Fault(
        .failed, operation: operation, reason: "the system refused it", remedy: "check the directory and its mode",
        cause: error)
    }
  }
}
