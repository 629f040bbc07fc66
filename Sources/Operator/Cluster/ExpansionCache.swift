import ClusterAgents
import Foundation
import JSONValues
import KubernetesAPI
import Synchronization

/// What the Agents that were looked at last become: to make an Agent's objects takes a hundred times as long as to compare
/// one of them.
///
/// It keeps those of the last `generation` Agents at least, and of twice as many at most: an expansion is 50 KiB or so.
final class ExpansionCache: Sendable {
  static let generation = 512

  private struct Entry {
    var version: String
    var expansion: Expansion
    var items: [OwnedID: Expansion.Item]
    /// Of one that is of what was accepted last, which then counts.
    var accepted: String?

    func isValid(_ version: String, accepted: String?) -> Bool {
      self.version == version && expansion.changesAt.map { $0 > .now } ?? true
        && (expansion.refusal == nil || self.accepted == accepted)
    }
  }

  private let expander: Expander
  private let entries = Mutex((young: [ObjectKey: Entry](), old: [ObjectKey: Entry]()))

  init(_ expander: Expander) { self.expander = expander }

  /// - Throws: what `Expander.inForce` does.
  func inForce(_ agent: AgentObject) throws -> Expansion { try entry(of: agent).expansion }

  /// - Returns: `nil` for an object that is not wanted, or of an Agent that cannot be carried out.
  func item(_ id: OwnedID, of agent: AgentObject) -> Expansion.Item? {
    // Told as a condition where the Agent is reconciled.
    (try? entry(of: agent))?.items[id]
  }

  private func entry(of agent: AgentObject) throws -> Entry {
    // A status makes no other agent; a generation alone is not enough, because of another life it may be the same.
    let version = "\(agent.uid)/\(agent.generation)/\(agent.object.labels.hashValue)"
    let accepted = agent.object["status", "accepted"]?.string
    if let known = entries.withLock({ $0.young[agent.key] ?? $0.old[agent.key] }),
      known.isValid(version, accepted: accepted)
    {
      return known
    }
    let expansion = try expander.inForce(agent, now: .now)
    let entry = Entry(
      version: version, expansion: expansion,
      items: Dictionary((expansion.surroundings + [expansion.pod]).map { ($0.id, $0) }) { first, _ in first },
      accepted: expansion.refusal == nil ? nil : accepted)
    entries.withLock { entries in
      if entries.young.count >= Self.generation { entries = ([:], entries.young) }
      entries.young[agent.key] = entry
    }
    return entry
  }
}
