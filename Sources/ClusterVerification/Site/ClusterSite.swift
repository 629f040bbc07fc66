import AgentModel
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import SecretStore
import Verification

/// One run's place on the cluster: whose agents it makes, its namespaces, and their end.
struct ClusterSite: Sendable {
  let client: KubernetesClient
  let mark: RunMark
  let values: Values
  let tenant: TenantName
  /// An address outside of the cluster that takes connections on ports 443 and 80.
  let outside: String
  /// The secrets manager, as it is reached from here; `nil` when nobody says so.
  var secretsManager: VaultAddress?
  let warnings: ServerWarnings
  /// The Pod of an agent, as the operator makes it.
  let agentPod: @Sendable () throws -> KubernetesObject
  /// For the end of what the run made.
  var patience = Removal.usualPatience

  /// Where the probes are agents.
  var namespace: String { values.namespace(of: tenant) }
  /// Without policies; its Pods are as restricted as agents' otherwise.
  var bareNamespace: String { "\(RunMark.namespaces)\(mark.id)" }
  /// Without Pod Security, for what has to work where nothing is forbidden.
  var openNamespace: String { "\(bareNamespace)-open" }
  /// The account of Pods in both: without rights.
  static let account = "probe"

  /// Makes the two namespaces.
  func open() async throws {
    for (name, level) in [(bareNamespace, "restricted"), (openNamespace, "privileged")] {
      var namespace = KubernetesObject(fields: ["apiVersion": "v1", "kind": "Namespace"])
      namespace.name = name
      namespace.labels = ["pod-security.kubernetes.io/enforce": level]
      try await client.create(mark.mark(namespace), of: .namespaces)
      var account = KubernetesObject(fields: [
        "apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": false,
      ])
      account.name = Self.account
      account.namespace = name
      try await client.apply(mark.mark(account), of: .serviceAccounts)
    }
  }

  /// Makes a probe.
  ///
  /// - Throws: `NotTestable` with what the API server has against it.
  func make(_ object: KubernetesObject, _ plan: ProbePlan) async throws -> ProbePod {
    let isAgent = object.kind == "Agent"
    do { try await client.create(object, of: isAgent ? .agents : .pods) } catch let fault as Fault {
      throw NotTestable("the probe \(object.name) cannot be made: \(fault.reason)")
    }
    return ProbePod(
      client: client, name: object.name, namespace: object.namespace ?? "", nonce: plan.nonce, isAgent: isAgent)
  }

  /// The name of one of the run's agents.
  func agentName(_ role: AgentRole) -> String { "\(RunMark.agents)\(mark.id)-\(role.rawValue)" }

  /// Takes everything of this run away, also when the run was cancelled.
  ///
  /// - Returns: What could not be taken away.
  func close() async -> [String] {
    // A task of its own, awaited here, because a cancelled one could not ask any more.
    await Task { await removal.remove(of: mark.id) }.value
  }

  var removal: Removal {
    Removal(client: client, controlPlane: values.namespaces.controlPlane, patience: patience)
  }
}
