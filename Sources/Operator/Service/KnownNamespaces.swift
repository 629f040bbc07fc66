import Faults
import Synchronization

/// The namespaces of whose objects everything is known, and those of which something may not be followed.
final class KnownNamespaces: Sendable {
  /// Since the first in a row, before they are believed: an API server that has just started refuses what it will allow
  /// in a moment.
  private static let isBelieved = Duration.seconds(15)

  private struct State {
    var names: Set<String> = []
    /// By namespace and type.
    var refusals: [String: [OwnedType: (fault: Fault, since: ContinuousClock.Instant, isBelieved: Bool)]] = [:]
  }

  private let state = Mutex(State())

  func insert(_ namespace: String) { state.withLock { _ = $0.names.insert(namespace) } }

  func contains(_ namespace: String) -> Bool { state.withLock { $0.names.contains(namespace) } }

  /// Why objects of a namespace may not be followed, of which type whatever; `nil` when all may.
  func refusal(in namespace: String) -> Fault? {
    let refusals = state.withLock { $0.refusals[namespace] ?? [:] }
    return OwnedType.all.lazy.compactMap { refusals[$0] }.first { $0.isBelieved }?.fault
  }

  /// Takes note of how a type is followed: refused, or (`nil`) not.
  ///
  /// - Returns: whether that is news.
  func note(
    _ refusal: Fault?, of type: OwnedType, in namespace: String, now: ContinuousClock.Instant = .now
  ) -> Bool {
    state.withLock { state in
      let before = state.refusals[namespace, default: [:]].removeValue(forKey: type)
      let wasBelieved = before?.isBelieved ?? false
      guard let refusal else { return wasBelieved }
      let since = before?.since ?? now
      let isBelieved = wasBelieved || since.duration(to: now) >= Self.isBelieved
      state.refusals[namespace]?[type] = (refusal, since, isBelieved)
      return isBelieved && !wasBelieved
    }
  }
}
