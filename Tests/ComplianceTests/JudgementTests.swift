import APIModel
import Foundation
import Testing

@testable import Compliance

@Suite("The judgement of a period") struct JudgementTests {
  /// A log in which every criterion is evidenced.
  private static var whole: Log {
    var log = Log()
    log.verify(on: 5)
    log.add("token.create", on: 6)
    log.add("alert.raise", "raised", on: 7, details: ["id": "a1", "response": "kill"])
    log.add("alert.respond", "done", on: 7, details: ["id": "a1", "response": "kill"])
    return log
  }

  @Test("is 0 when every criterion is evidenced") func evidenced() {
    let report = Self.whole.report()
    #expect(report.criteria.filter { $0.status != .evidenced }.map(\.id) == [])
    #expect(report.exitCode == 0)
    #expect(report.deviations == [])
    #expect(report.summaryLine == "17 criteria: 17 evidenced")
    let check = report.control("NET-3")
    #expect(check?.reason == "proven in 1 run, the last of 2027-01-20T08:00:00.000Z")
    #expect(check?.evidence.first?.text == "PROVEN in full run run-0, Lobstack 1.0.0")
    #expect(check?.evidence.first?.reference.auditIndex == 100)
    #expect(check?.evidence.first?.reference.verification == "run-0")
    #expect(check?.evidence.first?.reference.sha256 == "5a")
  }

  @Test("is 3 when nothing was verified, and says that there is no evidence") func nothing() {
    let report = Log().report()
    #expect(report.criteria.allSatisfy { $0.status == .noEvidence })
    #expect(report.exitCode == 3)
    #expect(report.control("ISO-1")?.reason == "no evidence in this period: no recorded run made this check")
    #expect(report.control("OPS-4")?.status == .noOccurrence)
    #expect(report.control("OPS-1")?.status == .noEvidence)
  }

  @Test("is 1 when a check failed, also when it was proven again, and tells when") func failed() {
    var log = Self.whole
    log.verify(on: 8, ["NET-3": "FAILED"])
    log.verify(on: 9)
    var report = log.report()
    #expect(report.control("NET-3")?.status == .failed)
    #expect(
      report.control("NET-3")?.reason == "failed in 1 of 3 runs, proven again at 2027-01-24T08:00:00.000Z in run run-5")
    #expect(["CC6.1", "CC6.6", "CC6.7"].allSatisfy { report.criterion($0)?.status == .failed })
    #expect(report.criterion("CC7.2")?.status == .evidenced)
    #expect(report.exitCode == 1)
    #expect(report.deviation(.checkFailed)?.count == 1)
    log.verify(on: 10, ["NET-3": "FAILED"])
    report = log.report()
    #expect(report.control("NET-3")?.reason == "failed in 2 of 4 runs, and not proven again in this period")
    #expect(report.deviation(.checkFailed)?.items.map { $0.text.contains("not proven again") } == [false, true])
  }

  @Test("takes the worst of the checks that are about one promise") func parts() {
    for (parts, status) in [
      (["PROVEN", "PROVEN"], ComplianceReport.Status.evidenced), (["FAILED", "PROVEN"], .failed),
      (["NOT TESTABLE", "FAILED"], .failed), (["PROVEN", "NOT TESTABLE"], .noEvidence),
    ] {
      var log = Log()
      log.verify(on: 5, ["REL-2-VAULT": parts[0], "REL-2-NODE": parts[1]], otherwise: nil)
      #expect(log.report().control("REL-2")?.status == status, "\(parts)")
    }
    #expect(Control.promise(of: "REL-2-CONTROL-PLANE") == "REL-2")
    #expect(Control.criteria(of: "ISO-19") == [] && Control.criteria(of: "REL") == [])
  }

  @Test("counts a period from its beginning on and before its end, and nothing outside") func edges() {
    for (day, counts) in [(-0.001, false), (0, true), (29.999, true), (30, false)] {
      var log = Log()
      log.verify(on: day)
      #expect(log.report().control("ISO-1")?.status == (counts ? .evidenced : .noEvidence), "day \(day)")
    }
  }

  @Test("is partly when a check is waived, and tells who waived what until when") func waived() {
    var log = Self.whole
    let waiver =
      #"{"waiver":{"check":"ISO-4","owner":"anna","reason":"one CPU","expires":"2027-03-01"},"state":"applied"}"#
    log.verify(on: 12, ["ISO-4": "WAIVED"], waivers: "[\(waiver)]")
    log.verify(on: 13, ["ISO-4": "WAIVED"], waivers: "[\(waiver)]")
    let report = log.report()
    #expect(report.control("ISO-4")?.status == .partlyEvidenced)
    #expect(report.criterion("A1.1")?.status == .partlyEvidenced)
    #expect(report.exitCode == 3)
    #expect(
      report.deviation(.checkWaived)?.items.map(\.text)
        == ["ISO-4, until 2027-03-01, by anna: one CPU (applied in 2 runs; first in full run run-4, Lobstack 1.0.0)"])
    var never = Log()
    never.verify(on: 5, ["ISO-4": "WAIVED", "ISO-5": "NOT TESTABLE", "ISO-6": "some other word"])
    #expect(never.report().control("ISO-4")?.reason == "no evidence in this period: waived in 1 run")
    #expect(never.report().control("ISO-5")?.reason == "no evidence in this period: not testable in 1 run")
    #expect(never.report().control("ISO-6")?.status == .noEvidence)
  }

  @Test("is partly when more than 31 days pass without a proof: at the beginning, between, at the end") func gaps() {
    for (days, isWhole) in [([30.0, 60], true), ([32, 60], false), ([1, 33, 60], false), ([1, 30], false)] {
      var log = Log(days: 90)
      for day in days { log.verify(on: day) }
      let report = log.report()
      #expect(report.control("ISO-1")?.status == (isWhole ? .evidenced : .partlyEvidenced), "\(days)")
      #expect(report.control("OPS-1")?.status == (isWhole ? .evidenced : .partlyEvidenced), "\(days)")
      #expect((report.deviation(.verificationGap) == nil) == isWhole, "\(days)")
    }
    // A check that some runs leave out has gaps of its own.
    var quick = Log(days: 90)
    for day in [10.0, 35, 60, 85] { quick.verify(on: day, day == 10 ? [:] : ["REL-2": "NOT TESTABLE"]) }
    #expect(quick.report().control("REL-2")?.status == .partlyEvidenced)
    #expect(quick.report().control("REL-1")?.status == .evidenced)
  }

  @Test("of a period that is not over looks no further than the present") func present() {
    var log = Log(days: 90)
    log.verify(on: 5)
    #expect(log.report(at: Log.day(6)).control("ISO-1")?.status == .evidenced)
  }

  @Test("takes no report for evidence that is gone or not the one that was recorded") func unreadable() {
    var log = Self.whole
    log.verify(on: 8, ["NET-1": "FAILED"], stored: false)
    log.verify(on: 9, ["NET-1": "FAILED"], sha256: "5b")
    let report = log.report()
    #expect(report.control("NET-1")?.status == .partlyEvidenced)
    #expect(report.control("NET-1")?.reason.hasSuffix("but 2 runs cannot be read") == true)
    #expect(report.deviation(.reportUnreadable)?.count == 2)
    #expect(report.exitCode == 3)
  }

  @Test("is not held back by a run whose report is gone, when the log says that nothing failed in it or was waived")
  func forgotten() {
    var log = Self.whole
    for day in 8..<12 { log.verify(on: Double(day), ["NET-1": "NOT TESTABLE"], stored: false) }
    #expect(log.report().control("NET-1")?.status == .evidenced)
    #expect(log.report().deviation(.reportUnreadable)?.count == 4)
    // It is no proof either.
    var only = Log()
    only.verify(on: 8, stored: false)
    #expect(only.report().control("NET-1")?.status == .noEvidence)
    for (verdict, sha256, isStored) in [("FAILED", "5a", false), ("WAIVED", "5a", false), ("PROVEN", "5b", true)] {
      var other = log
      other.verify(on: 12, ["NET-1": verdict], sha256: sha256, stored: isStored)
      #expect(other.report().control("ISO-1")?.reason.hasSuffix("but 1 run cannot be read") == true, "\(verdict)")
    }
    var older = Self.whole
    let record = older.add("verification.record", on: 8, target: "verification old", details: ["sha256": "5a"])
    #expect(throws: RecordedRun.Unreadable.self) { try RecordedRun(record, report: nil, sha256: nil) }
    do { _ = try RecordedRun(record, report: nil, sha256: nil) } catch { #expect(error.mayDissent) }
  }

  @Test("fails when a response failed, and is partly while one is not over") func responses() {
    var log = Self.whole
    log.add("alert.raise", "raised", on: 10, details: ["id": "a2", "response": "freeze"])
    log.add("alert.raise", "raised", on: 10, details: ["id": "a3", "response": "alert"])
    var report = log.report()
    #expect(report.control("OPS-11")?.status == .partlyEvidenced)
    #expect(report.deviation(.responseOpen)?.items.compactMap(\.reference?.alert) == ["a2"])
    log.add("alert.respond", "failed", on: 10.1, details: ["id": "a2", "reason": "the node was away"])
    report = log.report()
    #expect(report.control("OPS-11")?.status == .failed)
    #expect(report.criterion("CC7.4")?.status == .failed)
    #expect(report.deviation(.responseOpen) == nil)
    #expect(report.deviation(.responseFailed)?.items.first?.text.contains("the node was away") == true)
  }

  @Test("takes what verify does itself for no evidence of use, and hides nothing of it that failed") func probes() {
    var log = Log()
    log.verify(on: 5)
    log.add("token.create", on: 6, target: "token v1-own (a1)", details: ["tenant": "lobstack-verify"])
    log.add("token.revoke", on: 6, target: "token v1-own (a1)")
    log.add("identity.issue", on: 6, target: "identity spiffe://lobstack.local/ns/lobstack-verify/agent/v1-a")
    log.add("access", "denied", on: 6, target: "call agent lobstack-verify/v1-a", actor: "token:v1-other")
    var report = log.report()
    for id in ["OPS-4", "OPS-5", "OPS-7"] { #expect(report.control(id)?.status == .noOccurrence, "\(id)") }
    #expect(report.control("OPS-4")?.reason.hasSuffix("but by 'lobstack verify' itself") == true)
    #expect(report.criterion("CC6.2")?.status == .noEvidence)
    #expect(report.deviation(.accessDenied)?.count == 1)
    log.add("token.revoke", on: 7, target: "token ci (b2)")
    // An agent of that name is somebody's.
    log.add("alert.respond", "failed", on: 7, target: "agent acme/lobstack-verify", details: ["id": "a1"])
    report = log.report()
    #expect(report.control("OPS-4")?.count == 1)
    #expect(report.control("OPS-11")?.status == .failed)
  }

  @Test("knows what became of deleted agents' data") func destroyed() {
    var log = Self.whole
    log.add("agent.delete", on: 10, details: ["uid": "u1"])
    #expect(log.report().control("OPS-12")?.status == .partlyEvidenced)
    #expect(log.report().deviation(.destructionOpen)?.count == 1)
    log.add("agent.shred", "destroyed", on: 10, details: ["uid": "u1"])
    #expect(log.report().control("OPS-12")?.status == .evidenced)
  }

  @Test("tells of what was refused or went wrong, of each kind at most twenty, and how many there were")
  func deviations() {
    var log = Self.whole
    for number in 0..<50 { log.add("admission", "denied", on: 11, target: "agent default/bot-\(number)") }
    log.add("access", "denied", on: 12, details: ["refusals.before": "40"])
    log.add("audit.resume", on: 13)
    log.add("policy.load", "failed", on: 14)
    log.add("certificate.obtain", "failed", on: 15)
    let report = log.report()
    #expect(report.deviation(.admissionDenied)?.count == 50)
    #expect(report.deviation(.admissionDenied)?.items.count == 20)
    #expect(report.deviation(.admissionDenied)?.items.last?.text.contains("bot-49") == true)
    #expect(report.deviation(.accessDenied)?.count == 41)
    for kind in [ComplianceReport.Deviation.Kind.auditInterrupted, .policyRefused, .certificateFailed] {
      #expect(report.deviation(kind)?.count == 1, "\(kind)")
    }
    // Refusing is what these controls are for.
    #expect(report.exitCode == 0)
    for _ in 0..<50 { log.add("token.revoke", on: 16) }
    let control = log.report().control("OPS-4")
    #expect(control?.count == 51 && control?.evidence.count == 20)
  }

  @Test("tells when the clock goes back, and when the log begins") func clock() {
    var log = Self.whole
    log.add("token.create", on: 20)
    log.add("token.create", on: 18)
    #expect(log.report().deviation(.clockStepped)?.count == 1)
    var evidence = Evidence(of: log.period)
    evidence.take(
      AuditRecordResource(
        index: 0, time: Log.day(3), actor: "x", action: "platform.start", target: "x", outcome: "allowed", details: [:],
        leafHash: ""))
    #expect(evidence.deviations[.logBegins]?.count == 1)
  }

  @Test("weighs a criterion by its controls")
  func criteria() {
    let cases: [([ComplianceReport.Status], ComplianceReport.Status)] = [
      ([.evidenced, .noOccurrence], .evidenced), ([.evidenced, .noEvidence], .partlyEvidenced),
      ([.evidenced, .partlyEvidenced], .partlyEvidenced), ([.noEvidence, .noOccurrence], .noEvidence),
      ([.noOccurrence], .noEvidence), ([], .noEvidence), ([.evidenced, .failed, .noEvidence], .failed),
    ]
    for (controls, status) in cases { #expect(Judgement.status(controls) == status, "\(controls)") }
  }
}
