import Foundation
import Supervision
import Testing

@Suite("The command line") struct CommandLineTests {
  @Test(
    "answers wrong usage with exit code 2",
    arguments: [
      ["nonsense"], ["agent", "create"], ["agent", "create", "a"], ["agent", "exec", "a"], ["agent", "get", "A_B"],
      ["up", "--instance", "much-too-long-for-an-instance"], ["audit", "list", "--limit", "0"],
      ["token", "create", "a", "--role", "king"], ["up", "--domain", "a.example.org"],
      ["up", "--domain", "*.example.org", "--acme-email", "ops@example.org"],
      ["up", "--domain", "10.0.0.1", "--acme-email", "ops@example.org"],
      ["up", "--domain", "münchen.de", "--acme-email", "ops@example.org"],
      ["up", "--domain", "a.example.org", "--acme-email", "nobody"], ["up", "--acme-email", "ops@example.org"],
      ["up", "--domain", "a.example.org", "--acme-email", "ops@example.org", "--acme-directory", "http://ca.test/dir"],
      ["up", "--verify-every", "59s"], ["up", "--verify-every", "6"], ["verify", "--clean", "--quick"],
      ["verify", "--quick", "--trigger", "king"],
      ["up", "--http-listen", "80"], ["up", "--audit-witness", "kept.jsonl"],
      ["up", "--audit-witness", "https://witness.example.org/"], ["up", "--audit-witness-secret-file", "/dev/null"],
      ["up", "--audit-witness", "file:/a", "--audit-witness", "file:/a"], ["audit", "list", "--action", "SECRET"],
      ["verify", "--quick", "--break"], ["verify", "--break", "--only", "ISO-1"],
    ])
  func usage(arguments: [String]) async throws {
    let outcome = try await withoutPlatform { try await $0.run(arguments) }
    #expect(outcome.code == 2, "\(outcome)")
    #expect(outcome.error.contains("Error: ") || outcome.error.contains("Usage: "))
  }

  @Test("says with exit code 3 that nothing runs, and how to start it") func notRunning() async throws {
    for arguments in [["status"], ["agent", "list"]] {
      let outcome = try await withoutPlatform { try await $0.run(arguments) }
      #expect(outcome.code == 3)
      #expect(outcome.error.contains("remedy: start the platform with 'lobstack up'"))
    }
  }

  @Test("writes completions for every shell", arguments: ["bash", "zsh", "fish"])
  func completion(shell: String) async throws {
    let outcome = try await withoutPlatform { try await $0.run("completion", shell).ok() }
    #expect(outcome.output.contains("agent") && outcome.output.contains("audit"))
    // What only the platform itself calls.
    #expect(!outcome.output.contains("control-plane-copy"))
  }

  @Test("lists in its bill of materials exactly what Package.swift pins") func billOfMaterials() async throws {
    struct Bill: Decodable {
      struct Component: Decodable {
        var name: String
        var version: String
      }
      var bomFormat: String
      var components: [Component]
    }
    let bill = try await withoutPlatform { try await $0.run("version", "--sbom").ok().json(Bill.self) }
    #expect(bill.bomFormat == "CycloneDX")
    let manifest = URL(filePath: #filePath).appending(path: "../../../Package.swift").standardizedFileURL
    let pins = try String(contentsOf: manifest, encoding: .utf8).matches(
      of: /\.package\(url: "https:\/\/github\.com\/[^"]*\/([^"\/]*)", exact: "([^"]*)"/
    ).map { "\($0.output.1) \($0.output.2)" }
    #expect(bill.components.map { "\($0.name) \($0.version)" }.sorted() == pins.sorted())
  }

  @Test("removes what was never there without complaint", .enabled(if: rootTests)) func purgeOfNothing() async throws {
    let platform = try await TestPlatform()
    try await platform.remove()
  }

  @Test("finds this machine fit to hold agents", .enabled(if: rootTests)) func doctor() async throws {
    let findings = try await withoutPlatform {
      try await $0.run("doctor", "-o", "json").ok().json([Finding].self)
    }
    #expect(findings.allSatisfy { $0.level != .fail })
    for check in ["kernel", "cgroups", "runsc", "runsc digest", "nft", "policy", "addresses"] {
      #expect(findings.contains { $0.check == check })
    }
  }
}
