import AgentModel
import NameResolution

/// Limits how fast each sender is answered, so that a flood of one costs the others nothing but the reading of it.
struct TokenBuckets {
  private struct Bucket {
    var tokens: Double
    var time: Int64
  }

  private let rate: Double
  private let burst: Double
  private var buckets: [IPv4Address: Bucket] = [:]

  /// - Parameters:
  ///   - rate: tokens per second that a bucket gets.
  ///   - burst: tokens that a bucket holds.
  init(rate: Int, burst: Int) {
    self.rate = Double(rate)
    self.burst = Double(burst)
  }

  /// Takes a token out of a sender's bucket.
  ///
  /// There are as many buckets as senders asked for, which the caller bounds.
  /// - Parameter time: nanoseconds of a clock that never goes back.
  mutating func take(for sender: IPv4Address, at time: Int64) -> Bool {
    var bucket = buckets[sender] ?? Bucket(tokens: burst, time: time)
    bucket.tokens = min(burst, bucket.tokens + Double(max(time - bucket.time, 0)) * rate / 1e9)
    bucket.time = time
    let isThere = bucket.tokens >= 1
    if isThere { bucket.tokens -= 1 }
    buckets[sender] = bucket
    return isThere
  }

  /// Forgets the senders that no longer are, when there are more than there can be; a forgotten one that comes back has
  /// a full bucket.
  mutating func keep(most: Int, _ isKept: (IPv4Address) -> Bool) {
    if buckets.count > most { buckets = buckets.filter { isKept($0.key) } }
  }
}
