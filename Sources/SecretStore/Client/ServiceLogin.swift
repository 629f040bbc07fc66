import AgentModel
import CertificateAuthority
import Foundation

extension Vault {
  /// The secrets manager as one of the platform's own sees it, who logs in by tokens that it signs with a key of its own.
  package init(_ client: VaultClient, as service: SPIFFEID.Service, key: LoginKey, in domain: TrustDomain) {
    self.init(
      client,
      session: VaultSession {
        let token = try key.token(for: service, in: domain, audience: VaultAgents.audience, at: Date())
        return try await Vault.logIn(
          client, jwt: token.secretToken, role: service.rawValue,
          mount: service == .operator ? "operator" : "platform")
      })
  }
}
