import AgentModel
import ClusterAgents
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import NameResolution
import NameServing
import Synchronization

/// Who asks from which address of a cluster, and what he may resolve: from Agents, their Pods and their gateways'
/// Services, as they were told last.
///
/// An address is that of an agent when exactly one agent has Pods with it. Addresses are used again: a Pod that has ended
/// has none, and one that is on its way out gives way to one that stays. Where two agents are left, nobody is answered.
final class NameDirectory: NameSource {
  fileprivate struct State {
    /// Documents that were looked at, good or not.
    var seen: [ObjectKey: Document] = [:]
    var agents: [ObjectKey: KnownAgent] = [:]
    /// Addresses of gateways' Services, by agent.
    var gateways: [ObjectKey: IPv4Address] = [:]
    var pods: [ObjectKey: KnownPod] = [:]
    /// Names of Pods, by agent and by address.
    var podsOf: [ObjectKey: Set<ObjectKey>] = [:]
    var podsAt: [IPv4Address: Set<ObjectKey>] = [:]
    /// Addresses for which something may have changed since the resolver was told.
    var touched: Set<IPv4Address> = []
  }

  fileprivate struct Document: Hashable {
    var uid: String
    var generation: Int
    /// Of what was accepted last.
    var accepted: Int?
  }

  private let tenants: [String: TenantName]
  private let state = Mutex(State())

  /// - Parameter tenants: by namespace.
  init(tenants: [String: TenantName]) { self.tenants = tenants }

  // MARK: Agents

  /// Takes an Agent as it is now.
  ///
  /// When the document cannot be carried out, what was accepted before it is in force, as the operator has it; and what
  /// was open here, when nothing was.
  ///
  /// - Throws: `Fault(.invalid)` for such a document, once.
  func set(_ object: AgentObject, now: Date) throws {
    guard let tenant = tenants[object.key.namespace] else { return }
    let document = Document(
      uid: object.uid, generation: object.generation, accepted: object.object["status", "accepted"]?.string?.hashValue)
    guard state.withLock({ $0.seen.updateValue(document, forKey: object.key) }) != document else { return }
    let result = Result { try KnownAgent(object, tenant: tenant, now: now) }
    state.withLock { state in
      switch result {
      case .success(let agent): state.agents[object.key] = agent
      case .failure:
        if let accepted = object.accepted, let agent = try? KnownAgent(accepted, tenant: tenant, now: now) {
          state.agents[object.key] = agent
        } else if state.agents[object.key]?.uid != object.uid {
          state.agents[object.key] = nil
        }
      }
      state.touch(agent: object.key)
    }
    _ = try result.get()
  }

  func removeAgent(_ key: ObjectKey, uid: String?) {
    state.withLock { state in
      guard let seen = state.seen[key], uid == nil || seen.uid == uid else { return }
      state.seen[key] = nil
      state.agents[key] = nil
      state.touch(agent: key)
    }
  }

  /// Closes what was open until now.
  func expire(now: Date) {
    state.withLock { state in
      for (key, agent) in state.agents {
        guard let end = agent.changesAt, end <= now else { continue }
        state.agents[key]?.expire(now: now)
        state.touch(agent: key)
      }
    }
  }

  // MARK: Gateways

  /// Takes a Service of a gateway as it is now; others have another name than their agent's gateway has.
  func setGateway(_ service: KubernetesObject) {
    guard let agent = Self.agent(of: service) else { return }
    let address = service["spec", "clusterIP"]?.string.flatMap(IPv4Address.init)
    state.withLock { state in
      guard state.gateways[agent] != address else { return }
      state.gateways[agent] = address
      state.touch(agent: agent)
    }
  }

  func removeGateway(_ agent: ObjectKey) {
    state.withLock { state in
      guard state.gateways.removeValue(forKey: agent) != nil else { return }
      state.touch(agent: agent)
    }
  }

  /// - Returns: `nil` for a Service that is no agent's gateway.
  static func agent(of service: KubernetesObject) -> ObjectKey? {
    guard let label = service.labels[AgentLabel.name], let name = AgentName(label),
      service.name == AgentNames(name).gatewayService, let namespace = service.namespace
    else { return nil }
    return ObjectKey(namespace: namespace, name: label)
  }

  // MARK: Pods

  func setPod(_ object: KubernetesObject) {
    let (key, pod) = (ObjectKey(object), KnownPod(object))
    state.withLock { $0.replace(key, by: pod) }
  }

  /// - Parameter uid: only this very Pod, not one of its name that came later; `nil` for whichever there is.
  func removePod(_ key: ObjectKey, uid: String?) {
    state.withLock { state in
      guard let known = state.pods[key], uid == nil || known.uid == uid else { return }
      state.replace(key, by: nil)
    }
  }

  // MARK: All of a namespace

  enum Kind: Hashable, CaseIterable, Sendable { case agents, gateways, pods }

  /// What is known of a kind in a namespace, to be compared with a list that is complete.
  func keys(of kind: Kind, in namespace: String) -> Set<ObjectKey> {
    state.withLock { state in
      let all =
        switch kind {
        case .agents: Array(state.seen.keys)
        case .gateways: Array(state.gateways.keys)
        case .pods: Array(state.pods.keys)
        }
      return Set(all.filter { $0.namespace == namespace })
    }
  }

  /// Agents, gateways and addresses that are known.
  var counts: (agents: Int, gateways: Int, addresses: Int) {
    state.withLock { ($0.agents.count, $0.gateways.count, $0.podsAt.count) }
  }

  // MARK: The resolver's side

  func update(_ resolver: inout Resolver, now: Int64, isUrgent: Bool) -> Bool {
    let grants = state.withLock { state -> [(IPv4Address, NameGrant?)] in
      guard !state.touched.isEmpty else { return [] }
      defer { state.touched = [] }
      return state.touched.map { ($0, state.grant(at: $0)) }
    }
    for (address, grant) in grants { resolver.set(grant, for: address) }
    return !grants.isEmpty
  }

  /// Whose an address is; `nil` when it is nobody's.
  func agent(at address: IPv4Address) -> AgentID? { state.withLock { $0.agent(at: address)?.agent.id } }
}

extension NameDirectory.State {
  mutating func touch(agent: ObjectKey) {
    for pod in podsOf[agent] ?? [] { touched.formUnion(pods[pod]?.addresses ?? []) }
  }

  mutating func replace(_ key: ObjectKey, by pod: KnownPod?) {
    let known = pods[key]
    guard known != pod else { return }
    pods[key] = pod
    if let known {
      podsOf.take(key, from: known.agent)
      for address in known.addresses { podsAt.take(key, from: address) }
    }
    if let pod {
      podsOf[pod.agent, default: []].insert(key)
      for address in pod.addresses { podsAt[address, default: []].insert(key) }
    }
    touched.formUnion(known?.addresses ?? [])
    touched.formUnion(pod?.addresses ?? [])
  }

  /// The agent whose address it is.
  func agent(at address: IPv4Address) -> (key: ObjectKey, agent: KnownAgent)? {
    let all = (podsAt[address] ?? []).compactMap { pods[$0] }
    let staying = all.filter { !$0.isLeaving }
    let owners = Set((staying.isEmpty ? all : staying).map { Owner(agent: $0.agent, uid: $0.owner) })
    guard owners.count == 1, let owner = owners.first, let agent = agents[owner.agent],
      // One that is left of an Agent of the same name is not this one's.
      owner.uid == nil || owner.uid == agent.uid
    else { return nil }
    return (owner.agent, agent)
  }

  func grant(at address: IPv4Address) -> NameGrant? {
    agent(at: address).map { NameGrant(names: $0.agent.names, address: gateways[$0.key]) }
  }

  private struct Owner: Hashable {
    var agent: ObjectKey
    var uid: String?
  }
}

extension Dictionary where Value == Set<ObjectKey> {
  fileprivate mutating func take(_ pod: ObjectKey, from key: Key) {
    self[key]?.remove(pod)
    if self[key]?.isEmpty == true { self[key] = nil }
  }
}
