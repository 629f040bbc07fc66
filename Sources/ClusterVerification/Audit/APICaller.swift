import APIClient
import AgentModel
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// Two accounts that call the cluster's control plane: one that may change Agents of the tenant, and one that may nothing.
struct APICaller: Sendable {
  let site: ClusterSite
  let controlPlane: PlatformDoor
  /// Of a RoleBinding that lasts as long as the run.
  let allowed: Account
  let stranger: Account

  struct Account: Hashable, Sendable {
    /// As the API server calls it.
    let name: String
    let token: String
  }

  /// Whom tokens have to be for that the control plane takes.
  static let audience = "lobstack"
  private static let role = "lobstack-agent-editor"
  /// For rights to be known everywhere: what is refused is believed for five seconds.
  private static let patience = Duration.seconds(15)

  static func start(_ site: ClusterSite) async throws -> APICaller {
    guard site.values.profile == .lean else {
      throw NotTestable(
        "in profile full the control plane is reached through the mesh alone, where no probe of a run is")
    }
    var binding = KubernetesObject(fields: [
      "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
      "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(role)],
      "subjects": [
        ["kind": "ServiceAccount", "name": .string(ClusterSite.account), "namespace": .string(site.bareNamespace)]
      ],
    ])
    binding.name = site.agentName(.caller)
    binding.namespace = site.namespace
    do { try await site.client.create(site.mark.mark(binding), of: .roleBindings) } catch let fault as Fault {
      throw NotTestable("the run's account cannot be given the rights of \(role): \(oneLine(fault.reason))")
    }
    return APICaller(
      site: site, controlPlane: PlatformDoor(site: site, program: "control-plane"),
      allowed: try await account(site, site.bareNamespace), stranger: try await account(site, site.openNamespace))
  }

  private static func account(_ site: ClusterSite, _ namespace: String) async throws -> Account {
    Account(
      name: "system:serviceaccount:\(namespace):\(ClusterSite.account)",
      token: try await site.client.token(
        of: ClusterSite.account, namespace: namespace, audience: audience, life: .seconds(1_200)))
  }

  /// Asks for an Agent, and has it deleted once it is there.
  ///
  /// - Returns: what the control plane says against it; `nil` when the Agent was made.
  func makeAgent(_ role: AgentRole, as account: Account) async throws -> Fault? {
    let (name, document) = (site.agentName(role), site.document(role))
    let deadline = ContinuousClock.now + Self.patience
    while true {
      do {
        try await controlPlane.open { way in
          try await way.client(token: account.token) { _ = try await $0.createAgent(document: document) }
        }
        try? await site.client.delete(.agents, name, namespace: site.namespace)  // the run's end deletes it, too
        return nil
      } catch let fault as Fault {
        guard account == allowed, fault.code == .denied, ContinuousClock.now < deadline else { return fault }
        try await Task.sleep(for: .seconds(1))
      }
    }
  }

  /// Whether the Agent was made after all.
  func isThere(_ role: AgentRole) async throws -> Bool {
    try await site.client.find(.agents, site.agentName(role), namespace: site.namespace) != nil
  }
}

extension ClusterSite {
  /// Of an Agent as the control plane is given it. It has the run's label, by which it is found when the run ends before it
  /// is deleted, or before it is there; it lives too short for a time until when it is in use.
  func document(_ role: AgentRole) -> String {
    """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata: {name: \(agentName(role)), tenant: "\(tenant)", labels: {\(RunMark.label): "\(mark.id)"}}
    spec: {image: "docker://\(values.images.lobstack)", workspace: {size: 16Mi}}
    """
  }
}
