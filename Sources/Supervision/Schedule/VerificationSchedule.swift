import APIModel
import Foundation

/// Decides when the controls are attacked next, and changes nothing: same facts, same answer.
///
/// Times are the wall clock's, which may jump: what lies in the future is not believed, so that a clock that was set
/// back costs one run too many and never keeps the next one from coming.
struct VerificationSchedule: Sendable, Hashable {
  /// What a run proves something of.
  struct Subject: Sendable, Hashable {
    /// Of Lobstack.
    var version: String
    /// SHA-256 of its program; `nil` when that is not known, as of runs that earlier versions recorded.
    var program: String?

    func isOther(than former: Subject) -> Bool {
      if version != former.version { return true }
      guard let program, let old = former.program else { return false }
      return program != old
    }
  }

  /// A quick or full run that is recorded.
  struct Run: Sendable, Hashable {
    var startedAt: Date
    var subject: Subject
  }

  struct Facts: Sendable {
    var now: Date
    /// How long the platform has been ready, by a clock that does not jump.
    var uptime: Duration
    /// What runs.
    var subject: Subject
    /// Newest recorded first.
    var runs: [Run]
    /// When the schedule last began a run that ended by itself or by a crash, recorded or not.
    var attempt: Date?
    /// Whether this supervisor has begun a run because of an upgrade.
    var hasTriedUpgrade: Bool
  }

  struct Plan: Sendable, Hashable {
    var at: Date
    var trigger: VerificationTrigger
  }

  /// A platform that was never verified is left alone as long: somebody may be trying it out, or verify it himself.
  static let settling: TimeInterval = 600
  /// Time from the begin of a run to that of the next.
  static let shortestPause: TimeInterval = 60
  /// Time from a run that recorded nothing until an upgrade is verified again: a supervisor that dies again and again
  /// must not attack the platform again and again.
  static let upgradeRetry: TimeInterval = 600

  /// Seconds.
  let interval: TimeInterval

  func next(_ facts: Facts) -> Plan {
    let newest = facts.runs.first { $0.startedAt <= facts.now }
    let attempt = facts.attempt.flatMap { $0 <= facts.now ? $0 : nil }
    let regular = Plan(at: regularTime(facts, newest, attempt), trigger: .schedule)
    guard let newest, facts.subject.isOther(than: newest.subject), !facts.hasTriedUpgrade else { return regular }
    let pause = newest.startedAt + Self.shortestPause
    let upgrade = Plan(at: attempt.map { max(pause, $0 + Self.upgradeRetry) } ?? pause, trigger: .upgrade)
    return upgrade.at <= regular.at || upgrade.at <= facts.now ? upgrade : regular
  }

  private func regularTime(_ facts: Facts, _ newest: Run?, _ attempt: Date?) -> Date {
    let pause = max(interval, Self.shortestPause)
    if let last = [newest?.startedAt, attempt].compactMap(\.self).max() { return last + pause }
    return facts.now + min(pause, Self.settling) - facts.uptime / .seconds(1)
  }
}
