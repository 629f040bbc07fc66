import FoundationEssentials

/// The time of day, which for its reader never goes back: what has expired stays closed when the clock is set back.
struct RisingTime: Sendable {
  private var latest = Date.distantPast

  /// - Returns: the clock's time, or the latest that it has shown.
  mutating func read(_ clock: Date = .now) -> Date {
    latest = max(latest, clock)
    return latest
  }
}
