import Foundation
import KubernetesRendering
import Testing

@Suite("deploy/kubernetes") struct RenderedDefaultTests {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "deploy/kubernetes").path

  /// `UPDATE_REFERENCES=1` writes what is rendered now.
  @Test("is what is rendered of the defaults, byte by byte") func rendered() throws {
    let files = try Rendering.standard().manifests.withKustomization()
    let texts = Dictionary(uniqueKeysWithValues: try files.map { ($0.path, try $0.text()) })
    if ProcessInfo.processInfo.environment["UPDATE_REFERENCES"] != nil { try Self.write(texts) }
    var found: Set<String> = []
    let there = FileManager.default.enumerator(atPath: Self.directory)
    for case let path as String in there ?? .init() where path.hasSuffix(".yaml") || path.contains("nodes/") {
      var isDirectory: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: "\(Self.directory)/\(path)", isDirectory: &isDirectory)
      if !isDirectory.boolValue { found.insert(path) }
    }
    #expect(found == Set(texts.keys))
    for (path, text) in texts {
      let have = try? String(contentsOfFile: "\(Self.directory)/\(path)", encoding: .utf8)
      #expect(have == text, "\(path): run the test with UPDATE_REFERENCES=1, and look at what changed")
    }
  }

  private static func write(_ texts: [String: String]) throws {
    let files = FileManager.default
    if files.fileExists(atPath: directory) { try files.removeItem(atPath: directory) }
    for (path, text) in texts {
      let file = URL(filePath: "\(directory)/\(path)")
      try files.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
  }
}
