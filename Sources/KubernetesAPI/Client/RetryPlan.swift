/// Whether and when a request that failed is made again. Pure.
struct RetryPlan: Sendable {
  enum Failure: Hashable, Sendable {
    /// The API server did not get it.
    case notSent
    /// It may have been done: the connection broke, or no answer came in time.
    case unanswered
    /// An answer that stays the same.
    case final
    /// Another answer that is no success, with its Retry-After in seconds.
    case refused(code: Int, retryAfter: Int?)
  }

  /// Whether doing it twice is the same as doing it once.
  let isIdempotent: Bool

  private static let first = Duration.milliseconds(100)
  private static let longest = Duration.seconds(5)

  /// - Parameters:
  ///   - attempt: how many were made, from 1 on.
  ///   - left: time until the caller's patience is over.
  ///   - jitter: a random number from 0 to 1, so that many clients do not come back at once.
  /// - Returns: how long to wait; `nil` when the failure stands.
  func pause(after failure: Failure, attempt: Int, left: Duration, jitter: Double) -> Duration? {
    guard mayRepeat(after: failure) else { return nil }
    let doubled = Self.first * (1 << min(attempt - 1, 10))
    var pause = min(doubled, Self.longest) * (0.5 + jitter / 2)
    // What the server asks for is the least.
    if case .refused(_, let seconds?) = failure { pause = pause + .seconds(max(0, seconds)) }
    return pause < left ? pause : nil
  }

  private func mayRepeat(after failure: Failure) -> Bool {
    switch failure {
    case .final: false
    case .notSent: true
    case .unanswered: isIdempotent
    // Refused before anything is done (API priority and fairness).
    case .refused(429, _): true
    case .refused(let code, _): isIdempotent && [500, 502, 503, 504].contains(code)
    }
  }
}

/// Pauses between attempts that go on for ever: each is twice the last, with jitter.
package struct BackOff: Sendable {
  let first: Duration
  let longest: Duration
  private var next: Duration

  package init(first: Duration, longest: Duration) {
    (self.first, self.longest) = (first, longest)
    next = first
  }

  /// - Parameter jitter: a random number from 0 to 1.
  package mutating func pause(jitter: Double) -> Duration {
    defer { next = min(next * 2, longest) }
    return next * (1 + jitter)
  }

  package mutating func reset() { next = first }
}
