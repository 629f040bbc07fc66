import Detection
import Faults
import Foundation
import Testing

@testable import Sentinel

@Suite("A directory of rules") struct RuleDirectoryTests {
  /// A directory with empty files of these names.
  private func with(_ names: [String], _ body: (String) throws -> Void) throws {
    let directory = NSTemporaryDirectory() + "lobstack-rules-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }  // a leftover harms nobody
    for name in names { try Data().write(to: URL(filePath: "\(directory)/\(name)")) }
    try body(directory)
  }

  @Test("has its rules in the YAML files, in alphabetical order") func files() throws {
    try with(["b.yml", "a.yaml", "README.md", "c.yaml.new", "00.yaml"]) { directory in
      let files = try RuleDirectory.files(in: directory)
      #expect(files == ["00.yaml", "a.yaml", "b.yml"].map { "\(directory)/\($0)" })
    }
  }

  @Test("may be a file, which stands for itself") func file() throws {
    try with(["rules.txt"]) { directory in
      let files = try RuleDirectory.files(in: "\(directory)/rules.txt")
      #expect(files == ["\(directory)/rules.txt"])
    }
  }

  @Test("without a YAML file is an error that names it") func empty() throws {
    try with(["README.md"]) { directory in
      let fault = try #require(throws: Fault.self) { _ = try RuleDirectory.files(in: directory) }
      #expect(fault.code == .notFound && fault.operation.contains(directory))
    }
  }

  @Test("is compiled as one: later files change what earlier ones define") func compiled() throws {
    let change = """
      - rule: Shadow read
        tags: [changed]
        override: {tags: append}
      """
    let files = [(name: "a.yaml", text: DetectionBench.rules), (name: "b.yaml", text: change)]
    let rules = try RuleDirectory.compile(files).rules
    #expect(rules.map(\.name) == ["Shadow read", "Key read"])
    #expect(rules.first?.tags == ["changed", "files"])
  }

  @Test("with a broken file is refused, by the file's name") func broken() throws {
    let files = [(name: "a.yaml", text: DetectionBench.rules), (name: "b.yaml", text: "- rule: nothing else")]
    let fault = try #require(throws: Fault.self) { _ = try RuleDirectory.compile(files) }
    #expect(fault.code == .invalid && fault.operation.contains("b.yaml") && !fault.reason.isEmpty)
  }
}
