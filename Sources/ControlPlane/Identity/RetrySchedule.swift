import FoundationEssentials

/// When an authority is asked again that did not give a certificate.
///
/// Authorities count failures (Let's Encrypt: five an hour for each name), so the pauses grow fast; but never so far
/// that the present certificate could end between two attempts.
struct RetrySchedule: Hashable, Sendable {
  private static let first: TimeInterval = 60
  private static let longest: TimeInterval = 6 * 3600
  /// Between two attempts when a certificate is about to end, or has ended.
  private static let urgent: TimeInterval = 900

  /// - Parameters:
  ///   - failures: one after the other, at least 1.
  ///   - life: of the certificate that is to be renewed, and what is left of it; `nil` without one.
  /// - Returns: seconds.
  static func pause(after failures: Int, life: (whole: TimeInterval, left: TimeInterval)?) -> TimeInterval {
    let grown = (1..<max(1, min(failures, 10))).reduce(first) { pause, _ in pause * 3 }
    let pause = min(grown, longest)
    guard let life else { return pause }
    // A certificate that lives for minutes has no minute to lose.
    let shortest = min(urgent, life.whole / 50)
    return min(pause, max(life.left / 8, shortest))
  }
}
