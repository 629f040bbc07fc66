/// How long to wait before a process that ended is started again: 0.1 s, doubling up to 30 s.
///
/// A process that ran for ten seconds counts as healthy, and its next end begins the row anew.
struct RestartDelay: Sendable {
  static let first = Duration.milliseconds(100)
  static let longest = Duration.seconds(30)
  static let healthy = Duration.seconds(10)

  private var next = RestartDelay.first

  /// - Parameter lifetime: How long the process ran before it ended.
  /// - Returns: The time to wait now.
  mutating func afterEnd(lifetime: Duration) -> Duration {
    if lifetime >= Self.healthy { next = Self.first }
    defer { next = min(next * 2, Self.longest) }
    return next
  }
}
