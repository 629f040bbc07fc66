import AgentModel
import Faults

/// Names of the policy as the mesh of a cluster has them: by namespace and service account.
struct MeshPrincipals {
  let values: Values

  /// Stands for the trust domain in force, in `policy/mesh` as with Istio.
  private static let standIn = "cluster.local"

  /// `cluster.local/ns/system/gateway` is `<trust domain>/ns/<namespace>/sa/gateway`; `*`, and what is in the mesh's form
  /// or of another trust domain, stays.
  ///
  /// - Throws: `Fault(.invalid)` for who does not exist on a cluster: a policy that allows nobody is not what was meant.
  func principal(_ text: String) throws -> String {
    if text == "*" { return text }
    guard let id = SPIFFEID("spiffe://\(text)") else { throw fault(text, "it is not a principal") }
    guard "\(id.trustDomain)" == Self.standIn else { return text }
    if let principal = values.principal(id) { return principal }
    guard id.service == nil else { throw fault(text, "only a single machine has this service") }
    let parts = id.path.split(separator: "/")
    guard parts.count == 4, parts[0] == "ns", parts[2] == "sa" else {
      throw fault(text, "it is neither an agent nor a service of the platform")
    }
    return values.account(String(parts[3]), in: String(parts[1]))
  }

  private func fault(_ text: String, _ reason: String) -> Fault {
    Fault(
      .invalid, operation: "find the principal '\(text.prefix(200))' of policy/mesh on a cluster", reason: reason,
      remedy: "name the gateway, the control plane, an agent, or <trust domain>/ns/<namespace>/sa/<service account>")
  }
}
