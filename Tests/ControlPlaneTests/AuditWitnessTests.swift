import APIModel
import AgentModel
import AlertForwarding
import AuditLog
import Faults
import Foundation
import Logging
import ServiceLifecycle
import Storage
import Testing

@testable import ControlPlane

@Suite("Witnesses of the audit log", .timeLimit(.minutes(1))) struct AuditWitnessTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private let directory = NSTemporaryDirectory() + "lobstack-witness-\(UUID().uuidString)"

  private var logDirectory: String { "\(directory)/audit" }
  private var kept: String { "\(directory)/kept.jsonl" }

  private func witnesses(_ log: AuditLogFile) throws -> AuditWitnesses {
    let settings = WitnessSettings(addresses: [try #require(WitnessAddress("file:\(kept)"))])
    let pace = WitnessProgress.Pace(
      shortest: .milliseconds(5), longest: .milliseconds(20), manyRecords: 2, patience: .seconds(60))
    return AuditWitnesses(try settings.witnesses(), log: log, pace: pace, logger: Self.logger)
  }

  /// A log that is open, and closed afterwards, so that the next may open it.
  private func withLog(_ body: (AuditLogFile) async throws -> Void) async throws {
    let log = try await AuditLogFile.open(directory: logDirectory, logger: Self.logger)
    do { try await body(log) } catch {
      try await log.close()
      throw error
    }
    try await log.close()
  }

  /// Serves while `body` runs, and then ends as the platform does.
  private func serving(_ witnesses: AuditWitnesses, _ body: () async throws -> Void) async throws {
    let group = ServiceGroup(services: [witnesses], logger: Self.logger)
    let running = Task { try await group.run() }
    do { try await body() } catch {
      running.cancel()
      _ = await running.result
      throw error
    }
    await group.triggerGracefulShutdown()
    try await running.value
  }

  private func append(_ number: Int, to log: AuditLogFile) async throws {
    _ = try await log.append(AuditEvent(actor: "a", action: "b", target: "\(number)", outcome: "allowed"))
  }

  private func read() throws -> WitnessedNotes {
    WitnessedNotes(reading: try Data(contentsOf: URL(filePath: kept)), name: "w")
  }

  private func until(_ holds: () throws -> Bool) async throws {
    while try !holds() { try await Task.sleep(for: .milliseconds(2)) }
  }

  private func removing(_ body: () async throws -> Void) async throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try await body()
  }

  @Test("have what the log held at its end, and find that it goes on from there") func handover() async throws {
    try await removing {
      try Data().write(to: URL(filePath: kept))
      for round in 1...3 {
        try await withLog { log in
          let witnesses = try witnesses(log)
          let compared = try await witnesses.compare()
          #expect(compared.map(\.outcome) == [round == 1 ? "uncompared" : "allowed"])
          #expect((compared[0].details["compared"] == "0") == (round == 1))
          try await serving(witnesses) {
            try await append(round, to: log)
            try await until { witnesses.component()?.state == "ready" }
            // The last words of a platform that ends.
            try await append(round, to: log)
          }
        }
        let verification = try AuditFile.verify(directory: logDirectory, extending: [try read()])
        #expect(verification.ok && verification.witnesses?.size == UInt64(2 * round))
      }
    }
  }

  @Test("that are lost hold nothing up, show, and are served again when they are back") func lost() async throws {
    try await removing {
      try await withLog { log in
        let witnesses = try witnesses(log)
        #expect(try await witnesses.compare().map(\.outcome) == ["failed"])
        try await serving(witnesses) {
          try await append(1, to: log)
          try await until { witnesses.component()?.detail.contains("no such file") == true }
          #expect(witnesses.component()?.state == "degraded")
          try await append(2, to: log)
          try Data().write(to: URL(filePath: kept))
          try await until { witnesses.component()?.state == "ready" }
          #expect(witnesses.component()?.detail.contains("2 records, 0 s ago") == true)
        }
      }
    }
  }

  @Test("refuse a log that was set back: at its start, or as soon as they can be asked") func setBack() async throws {
    try await removing {
      try Data().write(to: URL(filePath: kept))
      try await withLog { log in try await append(0, to: log) }
      let older = "\(directory)/older"
      try FileManager.default.copyItem(atPath: logDirectory, toPath: older)
      try await withLog { log in
        try await append(1, to: log)
        try await serving(try witnesses(log)) {}
      }
      try FileManager.default.removeItem(atPath: logDirectory)
      try FileManager.default.moveItem(atPath: older, toPath: logDirectory)
      try await withLog { log in
        let fault = await #expect(throws: Fault.self) { try await witnesses(log).compare() }
        #expect(fault?.code == .denied && fault?.remedy.contains("audit verify --witness") == true)
        // It was away at the start.
        let away = kept + ".away"
        try FileManager.default.moveItem(atPath: kept, toPath: away)
        let late = try witnesses(log)
        _ = try await late.compare()
        let before = try Data(contentsOf: URL(filePath: away))
        try FileManager.default.moveItem(atPath: away, toPath: kept)
        let ended = await #expect(throws: Fault.self) {
          try await ServiceGroup(services: [late], logger: Self.logger).run()
        }
        #expect(ended?.code == .denied)
        #expect(try Data(contentsOf: URL(filePath: kept)) == before, "it got nothing more")
      }
    }
  }

  @Test("are due at once, then when the log grew: soon for many records, later for few, never too often")
  func progress() {
    let start = ContinuousClock.now
    func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }
    var progress = WitnessProgress(now: start)
    func isDue(_ size: UInt64, _ seconds: Double) -> Bool { progress.isDue(logSize: size, now: at(seconds)) }
    func state(_ seconds: Double) -> String { "\(progress.state(now: at(seconds)))" }
    #expect(isDue(0, 0))
    progress.took(size: 10, now: start)
    #expect(!isDue(10, 3_600) && !isDue(11, 59) && isDue(11, 60))
    #expect(!isDue(5_000, 9) && isDue(1_010, 10))
    #expect(progress.state(now: at(61)).isWell)
    #expect(state(300) == #"(isWell: false, detail: "10 records, 300 s ago; it does not answer")"#)
    progress.failed("why; what to do")
    #expect(progress.pause == .seconds(10))
    for _ in 0..<50 { progress.failed("why; what to do") }
    #expect(progress.pause == .seconds(60))
    #expect(state(61) == #"(isWell: false, detail: "10 records, 61 s ago; why; what to do")"#)
    progress.took(size: 20, now: at(70))
    #expect(state(71) == #"(isWell: true, detail: "20 records, 1 s ago")"#)
    #expect(progress.pause == .seconds(10))
  }
}
