import Synchronization

/// Token buckets, one a key.
final class RateLimiter: Sendable {
  /// Beyond this many keys, buckets that are full again are forgotten, which changes nothing for their keys.
  private static let mostKeys = 10_000

  private struct Bucket {
    var level: Double
    var updated: ContinuousClock.Instant
  }

  private let rate: Double
  private let burst: Double
  private let buckets = Mutex<[String: Bucket]>([:])

  /// - Parameters:
  ///   - rate: permits a second in the long run.
  ///   - burst: permits at once after a pause.
  init(rate: Double, burst: Double) {
    self.rate = rate
    self.burst = burst
  }

  /// Takes one permit.
  /// - Returns: `nil` when there was one, else how long until there is.
  func take(_ key: String, at now: ContinuousClock.Instant = .now) -> Duration? {
    buckets.withLock { buckets in
      if buckets.count >= Self.mostKeys, buckets[key] == nil {
        buckets = buckets.filter { self.level(of: $0.value, at: now) < burst }
        // Still full: more keys are active than anybody has principals. Refuse rather than grow.
        guard buckets.count < Self.mostKeys else { return .seconds(1) }
      }
      let level = buckets[key].map { self.level(of: $0, at: now) } ?? burst
      guard level >= 1 else {
        buckets[key] = Bucket(level: level, updated: now)
        return .seconds((1 - level) / rate)
      }
      buckets[key] = Bucket(level: level - 1, updated: now)
      return nil
    }
  }

  private func level(of bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
    min(burst, bucket.level + (now - bucket.updated) / .seconds(1) * rate)
  }
}
