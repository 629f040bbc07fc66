import AgentModel
import Faults
import KubernetesAPI
import KubernetesRendering
import SecretStore
import Verification

/// The cluster's secrets manager as service accounts have it, each by a token that the API server makes for it.
struct SecretsManager: Sendable {
  let site: ClusterSite
  let client: VaultClient

  static let audience = "openbao"

  /// - Throws: `NotTestable` when nobody says where it is.
  init(_ site: ClusterSite) throws {
    guard let address = site.secretsManager else {
      throw NotTestable(
        "where the secrets manager answers is not said: give --vault-addr and --vault-ca, for example those of a "
          + "'kubectl port-forward'")
    }
    self.site = site
    client = VaultClient(address: address)
  }

  struct Session: Sendable {
    var vault: Vault
    var login: VaultLogin
  }

  func logIn(
    _ account: String, of namespace: String, as role: String, audience: String = Self.audience
  ) async throws -> Session {
    let token = try await site.client.token(of: account, namespace: namespace, audience: audience)
    let login = try await Vault.logIn(client, jwt: token, role: role, mount: AccountIdentities.mount)
    return Session(vault: Vault(client, token: login.token), login: login)
  }

  /// As the CSI provider logs in for an agent's Pod.
  func agent(_ name: AgentName) async throws -> Session {
    try await logIn("\(name)", of: site.namespace, as: "agent")
  }

  /// Sets values, and reads none.
  func controlPlane() async throws -> Session {
    try await logIn("control-plane", of: site.values.namespaces.controlPlane, as: "control-plane")
  }

  /// As people do.
  func people() async throws -> Session {
    try await logIn("vault-operator", of: site.values.namespaces.vault, as: "operator")
  }
}
