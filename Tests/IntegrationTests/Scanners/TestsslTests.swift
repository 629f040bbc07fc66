import AgentModel
import ChildProcess
import Foundation
import Testing

private let hasTestssl = FileManager.default.isExecutableFile(atPath: "/usr/bin/testssl")

/// testssl.sh of Debian against the listeners that speak TLS.
@Suite(
  "testssl.sh", .enabled(if: rootTests), .enabled(if: hasTestssl, "run scripts/setup tests"), .timeLimit(.minutes(6)))
struct TestsslTests {
  /// Of the machine that scans: its OpenSSL has no GOST.
  private static let ofScanner: Set<String> = ["engine_problem"]

  @Test("finds nothing at the gateway") func gateway() async throws {
    try await withPlatform { platform in
      let findings = try await scan(
        "https://127.0.0.1:\(platform.port)/dashboard/", platform,
        // Protocols, ciphers, forward secrecy, certificate, headers, vulnerabilities.
        ["-p", "-s", "-f", "-S", "-h", "-U", "--add-ca", platform.layout.trustBundle])
      #expect(problems(in: findings, but: Self.ofScanner) == [])
      // It saw what it came for.
      let seen = Dictionary(findings.map { ($0.id, $0) }) { first, _ in first }
      #expect(seen["TLS1_3"]?.severity == "OK" && seen["TLS1_2"]?.finding == "not offered")
      #expect(seen["cert_chain_of_trust"]?.finding == "passed." && seen["cert_keySize"]?.finding == "EC 256 bits")
      #expect(seen["HSTS_time"]?.severity == "OK" && seen["Content-Security-Policy"]?.severity == "OK")
      #expect(seen["heartbleed"]?.severity == "OK")
    }
  }

  @Test("finds nothing at the node proxy, where requests to agents come in by mutual TLS") func ingress() async throws {
    try await withPlatform { platform in
      try await Bridge.with(platform.layout.ingressSocket, in: platform.directory) { port in
        // Without its certificate, which is a SPIFFE identity for a day, of no host; the gateway knows it by its URI.
        let findings = try await scan(
          "https://127.0.0.1:\(port)/", platform, ["--assume-http", "-p", "-s", "-f", "-U"])
        // No HTTP without a certificate of the client, so nothing that could be compressed. And whether its openssl
        // "can connect" depends on which comes first: the end of its own input, or the refusal for want of one.
        #expect(problems(in: findings, but: Self.ofScanner.union(["BREACH", "optimal_proto"])) == [])
        let seen = Dictionary(findings.map { ($0.id, $0) }) { first, _ in first }
        #expect(seen["TLS1_3"]?.severity == "OK" && seen["TLS1_2"]?.finding == "not offered")
      }
    }
  }

  private struct Seen: Decodable {
    var id, severity, finding: String
  }

  /// What is LOW or above, what could not be tried, what ended the scan.
  private func problems(in findings: [Seen], but known: Set<String>) -> [String] {
    findings.filter { !["OK", "INFO", "DEBUG"].contains($0.severity) && !known.contains($0.id) }
      .map { "\($0.severity) \($0.id): \($0.finding)" }
  }

  /// - Throws: when the scan does not come to its end, with the words of testssl.sh.
  private func scan(_ address: String, _ platform: TestPlatform, _ checks: [String]) async throws -> [Seen] {
    let file = "\(platform.directory)/testssl-\(UInt32.random(in: 0 ... .max)).json"
    let result = try await Command(
      "testssl",
      ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--jsonfile", file] + checks + [address],
      environment: Command.defaultEnvironment.merging(["TERM": "dumb"]) { $1 }, directory: platform.directory
    ).run(timeout: .seconds(180))
    let findings = try JSONDecoder().decode([Seen].self, from: Data(contentsOf: URL(filePath: file)))
    try #require(findings.contains { $0.id == "scanTime" }, "\(result.standardOutput)\(result.standardError)")
    return findings
  }
}
