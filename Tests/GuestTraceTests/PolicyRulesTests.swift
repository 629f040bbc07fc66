import Detection
import Foundation
import GuestTrace
import Testing

@Suite("The rules of policy/falco")
struct PolicyRulesTests {
  static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../policy/falco").standardizedFileURL

  static func files(_ directory: URL) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path }
  }

  static func rules() throws -> CompiledRules {
    var loader = RuleLoader()
    for file in try files(directory) {
      let result = loader.load(try String(contentsOf: file, encoding: .utf8), file: file.lastPathComponent)
      #expect(result.errors.map(\.message) == [])
    }
    return loader.compiled()
  }

  @Test("match their samples, and no others")
  func samples() throws {
    let rules = try Self.rules()
    var sampled: Set<String> = []
    for file in try Self.files(Self.directory.appending(path: "samples")) {
      let suite = try SampleSuite(String(contentsOf: file, encoding: .utf8), source: file.lastPathComponent)
      for outcome in try suite.run(rules) {
        #expect(
          outcome.passed,
          "\(outcome.name) (\(outcome.place)): missing \(outcome.missing), not wanted \(outcome.unexpected)")
      }
      for sample in suite.samples { sampled.formUnion(sample.rules) }
    }
    #expect(sampled == Set(rules.rules.map(\.name)))
  }

  @Test("ask for nothing that gVisor cannot tell")
  func fields() throws {
    let rules = try Self.rules()
    let unknown = rules.fields.filter { GuestField($0) == nil }.map(\.name)
    // Where Falco knows a name by DNS, we know none; the rule names the address too.
    #expect(Set(unknown).subtracting(["fd.sip.name"]) == [])
    for rule in rules.rules {
      #expect(TracePoints.eventTypes.contains(where: rule.eventTypes.contains), "\(rule.name)")
      #expect(rule.tags.contains { $0.hasPrefix("T1") }, "\(rule.name) has no technique of MITRE ATT&CK")
    }
  }
}
