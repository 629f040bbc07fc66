import Synchronization
import Testing

@testable import Verification

@Suite("The runner") struct RunnerTests {
  private func check(
    _ id: String, deadline: Duration = .seconds(5), isAlone: Bool = false,
    body: @escaping @Sendable () async throws -> Finding = { Finding(.proven, prevented: true, evidence: ["seen"]) }
  ) -> Check {
    Check(id, layer: "iso", title: "holds", deadline: deadline, isAlone: isAlone, body: body)
  }

  @Test("reports in the order of the checks, whichever ends first") func order() async throws {
    let slow = check("A") {
      try await Task.sleep(for: .milliseconds(50))
      return Finding(.proven, evidence: ["seen"])
    }
    let report = try await Runner([slow, check("B"), check("C", isAlone: true)]).run()
    #expect(report.checks.map(\.id) == ["A", "B", "C"])
    #expect(report.exitCode == 0)
  }

  @Test("tells each check as it finishes") func progress() async throws {
    let seen = Mutex<[String]>([])
    _ = try await Runner([check("A"), check("B")], width: 1) { report in seen.withLock { $0.append(report.id) } }.run()
    #expect(seen.withLock { $0 } == ["A", "B"])
  }

  @Test("runs a check that wants to be alone after all others") func alone() async throws {
    let running = Mutex(0)
    let most = Mutex(0)
    let others = (0..<4).map { number in
      check("\(number)") {
        running.withLock { $0 += 1 }
        try await Task.sleep(for: .milliseconds(20))
        running.withLock { $0 -= 1 }
        return Finding(.proven, evidence: ["seen"])
      }
    }
    let lonely = check("X", isAlone: true) {
      most.withLock { $0 = running.withLock { $0 } }
      return Finding(.proven, evidence: ["seen"])
    }
    _ = try await Runner([lonely] + others).run()
    #expect(most.withLock { $0 } == 0)
  }

  @Test("fails a check that passes its deadline", .timeLimit(.minutes(1))) func deadline() async throws {
    let endless = check("A", deadline: .milliseconds(20)) {
      try await Task.sleep(for: .seconds(3600))
      return Finding(.proven, evidence: ["seen"])
    }
    let report = try await Runner([endless]).run()
    #expect(report.checks.first?.verdict == .failed)
    #expect(report.exitCode == 1)
  }

  @Test("fails a check that throws, and one that has no evidence") func evidence() async throws {
    struct Broken: Error {}
    let report = try await Runner([
      check("A") { throw Broken() }, check("B") { Finding(.proven, prevented: true, evidence: []) },
    ]).run()
    #expect(report.checks.map(\.verdict) == [.failed, .failed])
  }

  @Test("keeps 'not testable' apart from failure") func notTestable() async throws {
    let report = try await Runner([check("A"), check("B") { throw NotTestable("there is no IPv6") }]).run()
    #expect(report.checks.last?.verdict == .notTestable)
    #expect(report.checks.last?.evidence == ["there is no IPv6"])
    #expect(report.exitCode == 3)
  }

  @Test("waives a check until the last day of its waiver", arguments: [("2026-11-24", true), ("2026-11-25", false)])
  func waiver(_ day: String, _ holds: Bool) async throws {
    let waivers = try ["A", "B", "C"].map {
      try Waiver(check: $0, owner: "anna", reason: "kernel too old", expires: "2026-11-24")
    }
    let report = try await Runner(
      [check("A") { throw NotTestable("no") }, check("B")], waivers: waivers, today: day
    ).run()
    #expect(report.waivers.map(\.state) == (holds ? [.applied, .unneeded, .unused] : [.expired, .expired, .expired]))
    #expect(report.table.contains("A until 2026-11-24, by anna: kernel too old"))
    #expect(report.checks.first?.verdict == (holds ? .waived : .notTestable))
    #expect(report.exitCode == (holds ? 0 : 3))
    #expect(report.checks.last?.verdict == .proven)
  }

  @Test("ends without a report when it is cancelled", .timeLimit(.minutes(1))) func cancelled() async throws {
    let endless = check("A") {
      try await Task.sleep(for: .seconds(3600))
      return Finding(.proven, evidence: ["seen"])
    }
    let task = Task { try await Runner([endless, check("B", isAlone: true)]).run() }
    try await Task.sleep(for: .milliseconds(20))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}
