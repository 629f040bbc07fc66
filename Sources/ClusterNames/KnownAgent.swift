import AgentModel
import ClusterAgents
import Faults
import Foundation
import NameResolution

/// What is known of an Agent: what its document opens.
struct KnownAgent: Sendable {
  let id: AgentID
  let uid: String
  private var egress: [EgressAllowance]
  private(set) var names: AllowedNames
  /// When one of its hosts closes by itself; `nil` for never.
  private(set) var changesAt: Date?

  /// - Throws: `Fault(.invalid)` when the document cannot be carried out.
  init(_ object: AgentObject, tenant: TenantName, now: Date) throws {
    let agent = try object.agent(tenant: tenant)
    (id, uid) = (agent.id, object.uid)
    egress = agent.spec.egress
    names = AllowedNames(egress: [])
    expire(now: now)
  }

  mutating func expire(now: Date) {
    egress.removeAll { !$0.isOpen(at: now) }
    changesAt = egress.compactMap(\.expires).map(\.date).min()
    names = AllowedNames(egress: egress)
  }
}
