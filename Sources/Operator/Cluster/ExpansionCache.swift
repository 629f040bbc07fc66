import ClusterAgents
import Foundation
import KubernetesAPI
import Synchronization

/// What the Agents that were looked at last become, so that their objects are compared without expanding them each time.
final class ExpansionCache: Sendable {
  private static let most = 512

  private struct Entry {
    var version: String
    var items: [OwnedID: Expansion.Item]
    var changesAt: Date?
  }

  private let expander: Expander
  private let entries = Mutex<[ObjectKey: Entry]>([:])

  init(_ expander: Expander) { self.expander = expander }

  /// - Returns: `nil` for an object that is not wanted, or of an Agent that cannot be carried out.
  func item(_ id: OwnedID, of agent: AgentObject) -> Expansion.Item? {
    // A status makes no other agent; a generation alone is not enough, because of another life it may be the same.
    let version = "\(agent.uid)/\(agent.generation)/\(agent.object.labels.hashValue)"
    if let known = entries.withLock({ $0[agent.key] }), known.version == version,
      known.changesAt.map({ $0 > .now }) ?? true
    {
      return known.items[id]
    }
    // Told as a condition where the Agent is reconciled.
    guard let expansion = try? expander.expand(agent, now: .now) else { return nil }
    let items = Dictionary((expansion.surroundings + [expansion.pod]).map { ($0.id, $0) }) { first, _ in first }
    entries.withLock { all in
      if all.count >= Self.most { all.removeAll(keepingCapacity: true) }
      all[agent.key] = Entry(version: version, items: items, changesAt: expansion.changesAt)
    }
    return items[id]
  }
}
