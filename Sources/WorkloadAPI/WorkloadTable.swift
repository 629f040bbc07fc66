import AgentModel
import Synchronization

/// Which local user has which identities. The owner of the room keeps it; callers are known by the kernel's word.
package final class WorkloadTable: Sendable {
  private let state: Mutex<State>
  /// What the kernel says for a user that has no number here (user_namespaces(7)): it is many users, so it is nobody.
  private static let overflow: UInt32 = 65534

  private struct State {
    var identities: [UInt32: [SPIFFEID]]
    var watcher: (@Sendable () -> Void)?
  }

  package init(_ identities: [UInt32: [SPIFFEID]] = [:]) {
    state = Mutex(State(identities: Self.allowed(identities)))
  }

  /// Puts another table in place of this one; streams that are open follow at once.
  package func replace(_ identities: [UInt32: [SPIFFEID]]) {
    let watcher = state.withLock { state in
      state.identities = Self.allowed(identities)
      return state.watcher
    }
    watcher?()
  }

  /// The identities of a user, the default one first; empty for a stranger.
  package func identities(of user: UInt32) -> [SPIFFEID] { state.withLock { $0.identities[user] ?? [] } }

  /// All identities of all users.
  var all: Set<SPIFFEID> { state.withLock { Set($0.identities.values.flatMap { $0 }) } }

  /// There is one server to a table.
  func watch(_ watcher: (@Sendable () -> Void)?) { state.withLock { $0.watcher = watcher } }

  private static func allowed(_ identities: [UInt32: [SPIFFEID]]) -> [UInt32: [SPIFFEID]] {
    identities.filter { $0.key != overflow && !$0.value.isEmpty }
  }
}
