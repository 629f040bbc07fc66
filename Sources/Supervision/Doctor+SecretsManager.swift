import AgentModel
import CertificateAuthority
import Faults
import SecretStore

extension Doctor {
  /// The secrets manager of others: whether it answers, what it is, and whether the platform may use it.
  func existingSecretsManager() async -> [Finding] {
    guard case .existing(let manager) = configuration.secretsManager else { return [] }
    let check = "secrets manager"
    do {
      let client = VaultClient(address: try manager.address(), patience: .seconds(2))
      let findings = await examine(client, manager, check: check)
      try await client.shutdown()
      return findings
    } catch {
      return [Self.failure(check, error)]
    }
  }

  private func examine(
    _ client: VaultClient, _ manager: ExistingSecretsManager, check: String
  ) async -> [Finding] {
    do {
      let health = try await client.health()
      guard health.isReady else {
        return [
          .fail(
            check, "\(client.address) is \(health.isInitialized ? "sealed" : "not initialised")",
            remedy: "have its operator \(health.isInitialized ? "unseal" : "initialise") it")
        ]
      }
      var findings = [Finding.ok(check, "version \(health.version) at \(client.address)")]
      do { findings.append(.ok("\(check) login", try await login(client, manager))) } catch {
        findings.append(Self.failure("\(check) login", error))
      }
      return findings
    } catch {
      return [Self.failure(check, error)]
    }
  }

  private func login(_ client: VaultClient, _ manager: ExistingSecretsManager) async throws -> String {
    if let token = try manager.token() {
      let policies = try await Vault(client, token: token).ownPolicies()
      return "the token of \(manager.tokenFile ?? "") has the policies \(policies.joined(separator: ", "))"
    }
    let file = manager.keyFile ?? layout.operatorKey
    guard let key = try SecretsManagerLogins.read(file, owner: 0) else {
      throw Fault(
        .notFound, operation: "log in to the secrets manager", reason: "there is no key \(file) yet, and no token",
        remedy: "give --vault-token-file, or the key that its mount 'operator' believes with --vault-key")
    }
    let vault = Vault(client, as: .operator, key: key, in: configuration.trustDomain)
    let policies = try await vault.ownPolicies()
    // It ends by itself in a quarter of an hour.
    try? await vault.revokeSelf()
    return "the key \(file) logs in as the role 'operator', with the policies \(policies.joined(separator: ", "))"
  }

  private static func failure(_ check: String, _ error: any Error) -> Finding {
    let fault = Fault.wrap(error, operation: check, remedy: "check --vault-addr and --vault-ca")
    return .fail(check, fault.reason, remedy: fault.remedy)
  }
}
