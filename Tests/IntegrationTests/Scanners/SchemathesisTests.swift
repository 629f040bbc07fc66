import APIModel
import AgentModel
import ChildProcess
import Foundation
import TestSupport
import Testing

/// schemathesis of PyPI: makes requests of the API's description, good ones and bad ones, and looks whether the answers
/// are as it says.
@Suite(
  "schemathesis", .enabled(if: rootTests), .enabled("\(Schemathesis.missing)") { await Schemathesis.isInstalled() },
  .timeLimit(.minutes(15)))
struct SchemathesisTests {
  @Test("finds at the gateway only what api/openapi.json says") func api() async throws {
    // Faster than it can ask.
    try await withPlatform(options: { _ in ["--gateway-rate", "1000"] }) { platform in
      let token: CreatedToken = try await platform.run("token", "create", "scan", "--role", "admin", "-o", "json")
        .ok().json()
      try await report(alert(), to: platform)
      let result = try await Schemathesis.run(against: platform, token: token.secret)
      #expect(result.code == 0, "\(result.output)")
      #expect(!result.output.contains("Rate limited:"), "\(result.output)")
      // It could ask until the end, and nothing is broken.
      try await platform.run(
        "agent", "list", "--address", "https://127.0.0.1:\(platform.port)", "--token", token.secret
      )
      .ok()
      #expect(try await platform.run("status").code == 0)
      try await platform.run("audit", "verify").ok()
    }
  }

  /// As the sentinel does: the streams are to have something to tell.
  private func report(_ alert: AlertResource, to platform: TestPlatform) async throws {
    let body = String(decoding: try APIJSON.encode(AlertReport(items: [alert])), as: UTF8.self)
    try await Command(
      "setpriv",
      [
        "--reuid=\(InstanceLayout.User.sentinel)", "--clear-groups", "curl", "-s", "-f", "--unix-socket",
        platform.layout.apiSocket, "-H", "content-type: application/json", "-d", body, "http://localhost/v1/alerts",
      ]
    ).check()
  }

  private func alert() -> AlertResource {
    AlertResource(
      id: UUID().uuidString.lowercased(), time: .now, rule: "Shell spawned", priority: "Warning", source: "syscall",
      container: "elsewhere", hostname: "host", output: "a shell was spawned",
      outputFields: ["proc.pid": .int(1), "fd.name": .null], tags: ["shell"], response: "alert", responseState: .done)
  }
}

enum Schemathesis {
  private static let here = URL(filePath: #filePath).deletingLastPathComponent().path
  private static let environment = PythonEnvironment("schemathesis", requirements: "\(here)/schemathesis.txt")

  static let missing =
    "schemathesis (Tests/IntegrationTests/Scanners/schemathesis.txt) cannot be installed: it needs python3 3.11 with venv, x86-64, and PyPI"

  /// Installs it if need be. CI sets REQUIRE_PYPI_TESTS, so that a missing one fails instead of being skipped.
  static func isInstalled() async -> Bool {
    if ProcessInfo.processInfo.environment["REQUIRE_PYPI_TESTS"] == "1" { return true }
    return (try? await environment.python()) != nil
  }

  /// The same requests each time; with `LONG_TESTS=1` others, for ten minutes.
  static func run(against platform: TestPlatform, token: String) async throws -> (code: Int32, output: String) {
    let program = try await environment.python()
    let description = URL(filePath: here).appending(path: "../../../api/openapi.json").standardizedFileURL.path
    let extent =
      longTests
      ? ["--max-time", "600", "--generation-database", "none"] : ["--generation-deterministic", "--max-examples", "12"]
    var variables = Command.defaultEnvironment
    variables["LOBSTACK_TOKEN"] = token
    let result = try await Command(
      program,
      [
        "-m", "schemathesis.cli", "--config-file", "\(here)/schemathesis.toml", "run", description, "--url",
        "https://127.0.0.1:\(platform.port)", "--tls-verify", platform.layout.trustBundle,
        "--phases", "coverage,fuzzing,stateful", "--continue-on-failure", "--request-timeout", "20", "--no-color",
      ] + extent, environment: variables, directory: platform.directory
    ).run(timeout: .seconds(longTests ? 800 : 240))
    return (result.status.code, result.standardOutput + result.standardError)
  }
}
