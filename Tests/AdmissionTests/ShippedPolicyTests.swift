import Foundation
import Manifests
import Rego
import Testing

@testable import Admission

/// The policies of `policy/gatekeeper`, and the suites beside them.
@Suite("The shipped admission policies") struct ShippedPolicyTests {
  static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "policy/gatekeeper").path

  private static let suites =
    (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/suites"))?.sorted()
    .map { "\(directory)/suites/\($0)/suite.yaml" }.filter { FileManager.default.fileExists(atPath: $0) } ?? []

  @Test("say what their suites expect", arguments: suites) func suite(path: String) throws {
    let suite = try Suite(PolicyDirectory.text(of: path), path: path)
    let results = suite.run(now: 0) { try PolicyDirectory.text(of: $0) }
    for result in results { #expect(result.outcome == .passed, "\(result.title): \(result.outcome)") }
    // A suite that lets everything pass, or refuses everything, tells little.
    #expect(results.contains { $0.expectsNone == true } && results.contains { $0.expectsNone == false })
  }

  @Test("are in force together, each with its suite, and five of them are the least") func together() throws {
    let policies = try PolicySet(try PolicyDirectory.read(Self.directory))
    #expect(policies.constraints.count == policies.templates.count && Self.suites.count == policies.templates.count)
    let actions = Dictionary(
      policies.constraints.map { ($0.name, $0.action(at: .validation)) }, uniquingKeysWith: { first, _ in first })
    for name in ["required-labels", "no-privileged-containers", "required-resources", "run-as-non-root"] {
      #expect(actions[name] == .deny, "\(name)")
    }
    #expect(actions["no-latest-tag"] == .warn)
  }

  @Test("share one library, the same everywhere") func library() throws {
    let libraries = try PolicyDirectory.read(Self.directory).filter { $0.path.contains("/templates/") }.flatMap {
      file -> [String] in
      let text = file.text
      guard let start = text.range(of: "package lib.containers") else { return [] }
      return [String(text[start.lowerBound...])]
    }
    #expect(libraries.count > 8 && Set(libraries).count == 1)
  }
}
