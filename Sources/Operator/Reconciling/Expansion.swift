import AgentModel
import Blueprint
import ClusterAgents
import Documents
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

    /// Whether a Pod that was made of a Sandbox has the labels that it was to have: they choose the policies that bind it.
    /// Of an agent's own Pod it is known otherwise.
    func labels(_ pod: KubernetesObject) -> Bool {
      let wanted = object["spec", "podTemplate", "metadata", "labels"]?.object ?? [:]
      return wanted.allSatisfy { pod.labels[$0.key] == $0.value.string }
    }

    /// Whether an object of the cluster is as wanted. To a policy nothing may be added: it would open something.
    func isSaid(by have: KubernetesObject) -> Bool {
      guard JSON.object(have.fields).says(.object(object.fields)) else { return false }
      guard ["NetworkPolicy", "AuthorizationPolicy"].contains(type.kind) else { return true }
      return (have["spec"] ?? [:]).saysOnly(object["spec"] ?? [:])
    }
  }

  /// Everything but the Pod.
  let surroundings: [Item]
  /// The Pod, or the Sandbox that makes it.
  let pod: Item
  let agent: Agent
  /// When it becomes another by itself, because a host is open until then.
  let changesAt: Date?
  /// Why it is not of the document as it is now, but of the one that was accepted before.
  var refusal: Fault?

  /// Whether the agent or its gateway asks the secrets manager for anything.
  var usesSecrets: Bool { !agent.spec.secrets.isEmpty || agent.spec.egress.contains { $0.credential != nil } }

  /// Its service account.
  var account: OwnedID { OwnedID(kind: "ServiceAccount", name: "\(agent.id.name)") }
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

  /// Who an Agent is, also one of a tenant that there is no more; `nil` in a namespace that never was a tenant's.
  func id(of key: ObjectKey) -> AgentID? {
    let prefix = "\(values.namespaces.agents)-"
    let tenant =
      key.namespace == values.namespaces.agents
      ? .default : key.namespace.hasPrefix(prefix) ? TenantName(String(key.namespace.dropFirst(prefix.count))) : nil
    return tenant.flatMap { tenant in AgentName(key.name).map { AgentID(tenant: tenant, name: $0) } }
  }

  /// What is in force of an Agent: its document, or the one that was accepted last when that one cannot be carried out.
  ///
  /// - Throws: what `expand` does, when neither can be.
  func inForce(_ object: AgentObject, now: Date) throws -> Expansion {
    do { return try expand(object, now: now) } catch let refusal as Fault {
      // By other values or another policy it may not be accepted any more.
      guard let accepted = object.accepted, var expansion = try? expand(accepted, now: now) else { throw refusal }
      expansion.refusal = refusal
      return expansion
    }
  }

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
    guard let pod = items.last, OwnedType.runners.contains(pod.type) else {
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
    if type == .sandboxes { Self.mark(podOf: &object, uid: owner.uid) }
    if OwnedType.runners.contains(type) {
      object.annotations[Self.specificationAnnotation] = shortDigest(JSON.object(Self.agentsOwn(object.fields)).text)
    }
    return Expansion.Item(type: type, object: object, digest: object.hashValue)
  }

  /// Without what is the platform's: another image of it is no reason to end an agent, or to run one again that is done.
  private static func agentsOwn(_ fields: [String: JSON]) -> [String: JSON] {
    func bare(_ spec: JSON?) -> JSON? {
      guard var spec = spec?.object else { return spec }
      spec["initContainers"] = nil
      return .object(spec)
    }
    var fields = fields
    guard var spec = fields["spec"]?.object else { return fields }
    if var template = spec["podTemplate"]?.object {
      template["spec"] = bare(template["spec"])
      spec["podTemplate"] = .object(template)
    }
    fields["spec"] = bare(.object(spec))
    return fields
  }

  /// By it the Pod that is made of a Sandbox is found among the agents' objects, and the Agent whose it is.
  private static func mark(podOf sandbox: inout KubernetesObject, uid: String) {
    var spec = sandbox["spec"]?.object ?? [:]
    var template = spec["podTemplate"]?.object ?? [:]
    var metadata = template["metadata"]?.object ?? [:]
    metadata["labels"] = .object((metadata["labels"]?.object ?? [:]).merging([managedBy: .string(manager)]) { $1 })
    metadata["annotations"] = .object(
      (metadata["annotations"]?.object ?? [:]).merging([agentUIDAnnotation: .string(uid)]) { $1 })
    template["metadata"] = .object(metadata)
    spec["podTemplate"] = .object(template)
    sandbox.fields["spec"] = .object(spec)
  }
}
