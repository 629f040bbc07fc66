import Synchronization

/// What was found out lately, for as long as it is believed.
final class ShortCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private static var most: Int { 10_000 }

  private let life: Duration
  private let entries = Mutex<[Key: (value: Value, end: ContinuousClock.Instant)]>([:])

  init(life: Duration) { self.life = life }

  func value(of key: Key, at now: ContinuousClock.Instant = .now) -> Value? {
    entries.withLock { entries in
      guard let entry = entries[key], now < entry.end else { return nil }
      return entry.value
    }
  }

  func set(_ value: Value, of key: Key, at now: ContinuousClock.Instant = .now) {
    entries.withLock { entries in
      if entries.count >= Self.most {
        entries = entries.filter { now < $0.value.end }
        // Who is forgotten is asked about again.
        if entries.count >= Self.most { entries = [:] }
      }
      entries[key] = (value, now + life)
    }
  }
}
