import APIModel
import AgentModel
import ChildProcess
import Foundation
import Glibc
import Supervision
import Testing

@Suite("Verification on a schedule", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(8)))
struct VerificationScheduleTests {
  @Test("follows an upgrade, leaves nothing when the platform ends, is made up for at the next start, and is shown")
  func upgrade() async throws {
    func options(_ platform: TestPlatform) throws -> [String] {
      let waivers = "\(platform.directory)/waivers.yaml"
      let text = "waivers:\n  - {check: ISO-4, owner: ci, reason: a busy machine, expires: 2099-12-31}\n"
      try Data(text.utf8).write(to: URL(filePath: waivers))
      return ["--verify-every", "6h", "--verify-waivers", waivers]
    }
    try await withPlatform(options: options) { platform in
      let before = try await VerifyTests.traces()
      try await recordEarlier(on: platform)
      try await eventually("a run is at work") {
        // Of a run there is first the lock, then what it makes.
        let holder = try? String(contentsOfFile: platform.layout.verificationLock, encoding: .utf8)
        return try await VerifyTests.traces() != before && holder?.contains(#""trigger":"upgrade""#) == true
      }
      let other = try await platform.run("verify", "--only", "ISO-1")
      #expect(other.code == 1 && other.error.contains("that of an upgrade, process "), "\(other)")

      try await platform.down()
      #expect(try await VerifyTests.traces() == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: "\(platform.layout.root)/verify") == [])
      #expect(try await Leftovers(platform.layout).find().filter { $0.hasPrefix("process") } == [])

      try await platform.up(try options(platform))
      try await eventually("the run is recorded", within: .seconds(300)) {
        try await runs(of: platform).first?.trigger == .upgrade
      }
      try await expectShown(on: platform)
    }
  }

  @Test("is off: what a killed run left, a second platform in it, goes all the same when the platform comes up again")
  func off() async throws {
    try await withPlatform { platform in
      let before = try await VerifyTests.traces()
      _ = try await platform.run(
        "verify", "--break", endingWith: SIGKILL, when: "a process of the second platform stands still",
        VerifyTests.isHarming)
      #expect(try await VerifyTests.traces() != before, "it was at work")
      let supervisor = try String(contentsOfFile: platform.layout.lockFile, encoding: .utf8)
      let process = try #require(Int32(supervisor.trimmingCharacters(in: .whitespacesAndNewlines)))
      #expect(kill(process, SIGKILL) == 0)
      try await platform.up()
      try await eventually("it is gone", within: .seconds(200)) {
        try String(contentsOfFile: "\(platform.layout.logDirectory)/supervisor.log", encoding: .utf8)
          .contains("A verification was killed before; what it left was taken away")
      }
      #expect(try await VerifyTests.traces() == before)
    }
  }

  /// A run of a program that is not the one that runs.
  private func recordEarlier(on platform: TestPlatform) async throws {
    let id = UUID().uuidString.lowercased()
    let report =
      #"{"run":{"id":"\#(id)","tier":"quick","startedAt":"2026-01-31T12:00:00Z","durationMs":1,"version":"0.0.1"},"#
      + #""summary":{"proven":1,"failed":0,"notTestable":0,"waived":0},"checks":[]}"#
    try await Command(
      "curl",
      [
        "-s", "-f", "--unix-socket", platform.layout.apiSocket, "-X", "PUT", "-H", "content-type: application/json",
        "-d", report, "http://localhost/v1/verifications/\(id)",
      ]
    ).check()
  }

  private func runs(of platform: TestPlatform) async throws -> [VerificationResource] {
    try await platform.run("verification", "list", "-o", "json").ok().json()
  }

  private func expectShown(on platform: TestPlatform) async throws {
    let run = try #require(try await runs(of: platform).first)
    #expect(run.tier == "quick" && run.summary.failed == 0 && run.summary.proven > 30, "\(run)")
    #expect(run.program?.count == 64)
    let shown = try await platform.run("verification", "show", run.id, "-o", "json").ok().output
    #expect(shown.contains("a busy machine"))
    let status: PlatformStatus = try await platform.run("status", "-o", "json").ok().json()
    let component = status.components.first { $0.name == "verification" }
    #expect(component?.detail.contains("(quick by an upgrade, ") == true, "\(String(describing: component))")
    let records = try await platform.run("audit", "export", "--action", "verification.record").ok().output
    #expect(records.contains(#""trigger":"upgrade""#), "\(records)")
    let report = try await platform.run("report", "soc2", "--since", "1h")
    #expect(report.output.contains("quick run \(run.id) by an upgrade, Lobstack "), "\(report.output.suffix(2_000))")
    // Its alerts are told, and wake nobody.
    #expect(try await !platform.run("alerts", "-o", "json").ok().json([AlertResource].self).isEmpty)
    let metrics = try await Command(
      "curl", ["-s", "--unix-socket", platform.layout.apiSocket, "http://localhost/metrics"]
    ).check()
    #expect(metrics.contains("\nlobstack_verification_alerts_total{") && !metrics.contains("\nlobstack_alerts_total{"))
  }
}
