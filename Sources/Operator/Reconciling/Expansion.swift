import AgentModel
import Blueprint
import ClusterAgents
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering

/// What an Agent of the cluster becomes: its objects in the order in which they are applied, the Pod last.
struct Expansion: Sendable {
  struct Item: Sendable {
    let type: OwnedType
    let object: KubernetesObject
    /// Of what is wanted, within this process.
    let digest: Int

    var id: OwnedID { OwnedID(kind: type.kind, name: object.name) }

    /// Whether an object of the cluster is as wanted. To a policy nothing may be added: it would open something.
    func isSaid(by have: KubernetesObject) -> Bool {
      guard JSON.object(have.fields).says(.object(object.fields)) else { return false }
      guard ["NetworkPolicy", "AuthorizationPolicy"].contains(type.kind) else { return true }
      return (have["spec"] ?? [:]).saysOnly(object["spec"] ?? [:])
    }
  }

  /// Everything but the Pod.
  let surroundings: [Item]
  let pod: Item
  let agent: Agent
  /// When it becomes another by itself, because a host is open until then.
  let changesAt: Date?
}

/// Expands Agents by the policy and values in force.
struct Expander: Sendable {
  static let manager = "lobstack-operator"
  static let managedBy = "app.kubernetes.io/managed-by"
  /// On a Pod: of which specification it was made. A Pod cannot be changed, so another takes its place.
  static let specificationAnnotation = "lobstack.dev/specification"

  let values: Values
  let policy: Policy
  let gateway: GatewayConfiguration
  private let tenants: [String: TenantName]

  init(values: Values, policy: Policy, gateway: GatewayConfiguration) {
    self.values = values
    self.policy = policy
    self.gateway = gateway
    tenants = Dictionary(values.tenants.keys.map { (values.namespace(of: $0), $0) }) { first, _ in first }
  }

  /// The namespaces with agents, sorted.
  var namespaces: [String] { tenants.keys.sorted() }

  func hasTenant(_ namespace: String) -> Bool { tenants[namespace] != nil }

  /// - Throws: `Fault(.invalid)` for what cannot be carried out, naming the field; `Fault(.denied)` for an Agent in a
  ///   namespace that is no tenant's.
  func expand(_ object: AgentObject, now: Date) throws -> Expansion {
    guard let tenant = tenants[object.key.namespace] else {
      throw Fault(
        .denied, operation: "run Agent \(object.key)", reason: "its namespace is no tenant's",
        remedy: "use one of \(namespaces.joined(separator: ", ")), or add a tenant to the values and render again")
    }
    let agent = try object.agent(tenant: tenant)
    let manifests = try AgentManifests(agent, values: values, policy: policy, now: now, gateway: gateway)
    let owner = OwnerReference(controller: object.object)
    let items = try manifests.objects.map { try item($0, owner: owner) }
    guard let pod = items.last, pod.type == .pods else {
      throw Fault(
        .failed, operation: "run Agent \(object.key)", reason: "its objects do not end with its Pod",
        remedy: "report this as a defect")
    }
    return Expansion(
      surroundings: Array(items.dropLast()), pod: pod, agent: agent, changesAt: manifests.changesAt?.date)
  }

  private func item(_ document: some ClusterObject, owner: OwnerReference) throws -> Expansion.Item {
    var object = try KubernetesObject(encoding: document)
    object.labels[Self.managedBy] = Self.manager
    object.ownerReferences = [owner]
    guard let type = OwnedType.of(object) else {
      throw Fault(
        .failed, operation: "apply \(object.kind) \(object.name)", reason: "the operator owns no such type",
        remedy: "report this as a defect")
    }
    // Said, though empty: what is not said is nobody's, and others could open what nothing is open in.
    for (kind, lists) in [("NetworkPolicy", ["ingress", "egress"]), ("AuthorizationPolicy", ["rules"])]
    where object.kind == kind {
      var spec = object["spec"]?.object ?? [:]
      for list in lists where spec[list] == nil { spec[list] = [] }
      object.fields["spec"] = .object(spec)
    }
    if type == .pods { object.annotations[Self.specificationAnnotation] = shortDigest(JSON.object(object.fields).text) }
    return Expansion.Item(type: type, object: object, digest: object.hashValue)
  }
}
