import APIModel
import Foundation
import Testing

@testable import Supervision

@Suite("The schedule of verifications") struct VerificationScheduleTests {
  private typealias Subject = VerificationSchedule.Subject
  private static let now = Date(timeIntervalSince1970: 1_800_000_000)
  private static let hour: TimeInterval = 3600
  private static let current = Subject(version: "1.0.0", program: "aa")

  /// - Parameters:
  ///   - runs: seconds since they began, newest recorded first; negative for the future.
  ///   - attempt: likewise.
  private static func plan(
    every interval: TimeInterval = 6 * hour, runs: [TimeInterval] = [], of subject: Subject = current,
    attempt: TimeInterval? = nil, uptime: Duration = .seconds(30), hasTriedUpgrade: Bool = false
  ) -> (wait: TimeInterval, trigger: VerificationTrigger) {
    let plan = VerificationSchedule(interval: interval).next(
      VerificationSchedule.Facts(
        now: now, uptime: uptime, subject: current,
        runs: runs.map { VerificationSchedule.Run(startedAt: now - $0, subject: subject) },
        attempt: attempt.map { now - $0 }, hasTriedUpgrade: hasTriedUpgrade))
    return (plan.at.timeIntervalSince(now), plan.trigger)
  }

  @Test("leaves a platform alone for ten minutes that was never verified, or for a shorter interval") func never() {
    #expect(Self.plan() == (570, .schedule))
    #expect(Self.plan(uptime: .seconds(600)) == (0, .schedule))
    #expect(Self.plan(every: 120) == (90, .schedule))
    #expect(Self.plan(attempt: Self.hour) == (5 * Self.hour, .schedule), "it was tried, and recorded nothing")
  }

  @Test("counts the interval from the begin of the last run, whoever began it") func regular() {
    #expect(Self.plan(runs: [Self.hour]) == (5 * Self.hour, .schedule))
    #expect(Self.plan(runs: [7 * Self.hour]).wait < 0)
    #expect(Self.plan(runs: [2 * Self.hour], attempt: Self.hour) == (5 * Self.hour, .schedule))
    #expect(Self.plan(runs: [Self.hour], attempt: 2 * Self.hour) == (5 * Self.hour, .schedule))
  }

  @Test("follows a changed interval from the next look on, with a minute between two runs at least") func changed() {
    #expect(Self.plan(every: Self.hour, runs: [7 * Self.hour]).wait < 0)
    #expect(Self.plan(every: 24 * Self.hour, runs: [7 * Self.hour]) == (17 * Self.hour, .schedule))
    #expect(Self.plan(every: 1, runs: [10]) == (50, .schedule))
  }

  @Test("believes no run and no attempt that lies in the future, after a clock was set back") func setBack() {
    #expect(Self.plan(runs: [-Self.hour, Self.hour]) == (5 * Self.hour, .schedule), "the one before counts")
    #expect(Self.plan(runs: [-900 * Self.hour], uptime: .seconds(900)).wait < 0, "a year is not waited for")
    #expect(Self.plan(runs: [Self.hour], attempt: -Self.hour) == (5 * Self.hour, .schedule))
    #expect(Self.plan(runs: [0]) == (6 * Self.hour, .schedule), "one that began this second is none of the future")
  }

  @Test("makes one run after a clock was set forward, however far") func setForward() {
    let far = 100_000 * Self.hour
    #expect(Self.plan(runs: [far], attempt: far).wait < 0)
    #expect(Self.plan(runs: [0, far], attempt: 0) == (6 * Self.hour, .schedule))
  }

  @Test("runs at once after an upgrade, when version or program are others than were last verified") func upgrade() {
    for former in [Subject(version: "0.9.0", program: "aa"), Subject(version: "1.0.0", program: "bb")] {
      let plan = Self.plan(runs: [Self.hour], of: former)
      #expect(plan.trigger == .upgrade && plan.wait < 0)
      #expect(Self.plan(runs: [Self.hour], of: former, hasTriedUpgrade: true) == (5 * Self.hour, .schedule))
      #expect(Self.plan(runs: [10], of: former) == (50, .upgrade), "a minute between two runs")
    }
    let unknown = Subject(version: "1.0.0", program: nil)
    #expect(Self.plan(runs: [Self.hour], of: unknown) == (5 * Self.hour, .schedule))
  }

  @Test("does not run again and again when the supervisor, or the machine, dies in each run") func crashes() {
    let former = Subject(version: "0.9.0", program: "aa")
    #expect(Self.plan(runs: [2 * Self.hour], of: former, attempt: 70) == (530, .upgrade))
    #expect(Self.plan(runs: [7 * Self.hour], attempt: 70).wait == 6 * Self.hour - 70)
    #expect(Self.plan(every: 60, runs: [Self.hour], of: former, attempt: 40) == (20, .schedule), "what comes first")
    // Each life of a supervisor lasts for a minute and a half.
    var (clock, attempt, runs) = (TimeInterval(0), TimeInterval?.none, 0)
    while clock < 24 * Self.hour {
      let plan = Self.plan(
        runs: [Self.hour + clock], of: former, attempt: attempt.map { clock - $0 }, hasTriedUpgrade: false)
      if plan.wait <= 0 { (attempt, runs) = (clock, runs + 1) }
      clock += 90
    }
    #expect((100...145).contains(runs), "\(runs) of 960 lives")
  }

  @Test("does not count runs that left something out on purpose") func partial() throws {
    let summary = try APIJSON.decode(
      VerificationResource.Summary.self, from: #"{"proven":1,"failed":0,"notTestable":0,"waived":0}"#.utf8)
    let counted = ["quick", "full", "break", "chosen"].map { tier in
      VerificationResource(
        id: tier, tier: tier, startedAt: Self.now, durationMs: 1, version: "1.0.0", program: "aa", summary: summary,
        sha256: "", auditIndex: 1
      ).scheduled
    }
    let run = VerificationSchedule.Run(startedAt: Self.now, subject: Self.current)
    #expect(counted == [run, run, nil, nil])
  }
}
