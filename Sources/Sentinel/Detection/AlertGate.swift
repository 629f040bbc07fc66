import APIModel

/// Lets so many alerts of one rule about one sandbox through, and counts the others on the last one that was told: who
/// makes alerts as fast as it can floods nobody, and hides no other rule's.
struct AlertGate {
  /// Alerts at once, and per second from then on.
  static let burst = 20.0
  static let rate = 1.0

  struct Key: Hashable {
    var container: String
    var rule: String
  }

  private struct Entry {
    var tokens = AlertGate.burst
    /// Nanoseconds of the monotonic clock.
    var time: Int64
    var last: AlertResource?
    var isChanged = false
  }

  private var entries: [Key: Entry] = [:]

  /// - Returns: whether the alert is to be told; if not it is counted.
  mutating func admits(_ key: Key, now: Int64) -> Bool {
    var entry = entries[key] ?? Entry(time: now)
    entry.tokens = min(Self.burst, entry.tokens + Double(now - entry.time) / 1e9 * Self.rate)
    entry.time = now
    defer { entries[key] = entry }
    guard entry.tokens >= 1 || entry.last == nil else {
      entry.last?.suppressed += 1
      entry.isChanged = true
      return false
    }
    entry.tokens -= 1
    return true
  }

  /// Keeps the alert, to count on it those that follow.
  ///
  /// - Returns: the one before it, if something was counted on it meanwhile.
  mutating func told(_ alert: AlertResource, _ key: Key) -> AlertResource? {
    defer {
      entries[key]?.last = alert
      entries[key]?.isChanged = false
    }
    guard let entry = entries[key], entry.isChanged else { return nil }
    return entry.last
  }

  /// Takes over what became of the response to an alert, so that a later report of it says the same.
  mutating func answered(_ alert: AlertResource) {
    let key = Key(container: alert.container, rule: alert.rule)
    guard let last = entries[key]?.last, last.id == alert.id else { return }
    entries[key]?.last?.responseState = alert.responseState
    entries[key]?.last?.responseReason = alert.responseReason
    entries[key]?.last?.responseTime = alert.responseTime
  }

  /// Alerts whose count changed since the last call.
  mutating func counted() -> [AlertResource] {
    var changed: [AlertResource] = []
    for (key, entry) in entries where entry.isChanged {
      entries[key]?.isChanged = false
      if let last = entry.last { changed.append(last) }
    }
    return changed
  }

  /// Forgets a sandbox that is gone.
  mutating func forget(_ container: String) { entries = entries.filter { $0.key.container != container } }
}
