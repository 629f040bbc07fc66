import Faults
import Synchronization

/// The namespaces of whose objects everything is known, and those of which something may not be followed.
final class KnownNamespaces: Sendable {
  /// In a row, before one is believed: an API server that has just started refuses what it will allow in a moment.
  private static let believed = 2

  private struct State {
    var names: Set<String> = []
    /// By namespace and type.
    var refusals: [String: [OwnedType: (fault: Fault, count: Int)]] = [:]
  }

  private let state = Mutex(State())

  func insert(_ namespace: String) { state.withLock { _ = $0.names.insert(namespace) } }

  func contains(_ namespace: String) -> Bool { state.withLock { $0.names.contains(namespace) } }

  /// Why objects of a namespace may not be followed, of which type whatever; `nil` when all may.
  func refusal(in namespace: String) -> Fault? {
    let refusals = state.withLock { $0.refusals[namespace] ?? [:] }
    return OwnedType.all.lazy.compactMap { refusals[$0] }.first { $0.count >= Self.believed }?.fault
  }

  /// Takes note of how a type is followed: refused, or (`nil`) not.
  ///
  /// - Returns: whether that is news.
  func note(_ refusal: Fault?, of type: OwnedType, in namespace: String) -> Bool {
    state.withLock { state in
      let before = state.refusals[namespace, default: [:]].removeValue(forKey: type)?.count ?? 0
      guard let refusal else { return before >= Self.believed }
      state.refusals[namespace]?[type] = (refusal, before + 1)
      return before + 1 == Self.believed
    }
  }
}
