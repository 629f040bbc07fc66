/// How far one witness is behind the audit log, and when it is due: decided here, by a monotonic clock.
struct WitnessProgress: Sendable {
  struct Pace: Sendable {
    /// At most one checkpoint in this time.
    var shortest = Duration.seconds(10)
    /// The longest that a log which grew waits for the next.
    var longest = Duration.seconds(60)
    /// So many new records do not wait for `longest`.
    var manyRecords: UInt64 = 1_000
    /// The longest that a witness may be behind before it shows, though no failure is known.
    var patience = Duration.seconds(150)
  }

  let pace: Pace
  /// Records that the last checkpoint which was taken covers; `nil` until there is one.
  private(set) var size: UInt64?
  private(set) var failures = 0
  private(set) var reason: String?
  /// When the last one was taken.
  private var taken: ContinuousClock.Instant?
  /// Since when the log is known to be longer.
  private var behindSince: ContinuousClock.Instant?

  init(pace: Pace = Pace(), now: ContinuousClock.Instant = .now) {
    self.pace = pace
    behindSince = now
  }

  /// - Parameter logSize: records in the log.
  /// - Returns: whether the witness is to get a checkpoint now.
  mutating func isDue(logSize: UInt64, now: ContinuousClock.Instant) -> Bool {
    guard let size, let taken else { return true }
    guard logSize > size else { return false }
    if behindSince == nil { behindSince = now }
    let age = taken.duration(to: now)
    return age >= pace.longest || (age >= pace.shortest && logSize - size >= pace.manyRecords)
  }

  mutating func took(size: UInt64, now: ContinuousClock.Instant) {
    self.size = size
    taken = now
    behindSince = nil
    failures = 0
    reason = nil
  }

  mutating func failed(_ reason: String) {
    failures += 1
    self.reason = reason
  }

  /// How long until the next look: doubled with each failure, up to `longest`.
  var pause: Duration {
    failures == 0 ? pace.shortest : min(pace.longest, pace.shortest * (1 << min(failures - 1, 16)))
  }

  /// Whether it keeps up, and in a few words how far it is.
  func state(now: ContinuousClock.Instant) -> (isWell: Bool, detail: String) {
    let last =
      if let size, let taken { "\(size) records, \(taken.duration(to: now).components.seconds) s ago" } else {
        "no checkpoint yet"
      }
    if let reason { return (false, "\(last); \(reason)") }
    let isLate = behindSince.map { $0.duration(to: now) > pace.patience } ?? false
    return (!isLate && size != nil, isLate ? "\(last); it does not answer" : last)
  }
}
