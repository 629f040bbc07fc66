import AgentModel
import Documents

/// Where the agent's secrets come from: the Secrets Store CSI Driver asks OpenBao for them under the service account of
/// the Pod, and the Pod itself speaks to neither.
extension AgentRendering {
  var secretClasses: [any ClusterObject] {
    var classes: [any ClusterObject] = []
    if !agent.spec.secrets.isEmpty { classes.append(secretClass(names.secrets, agent.spec.secrets)) }
    if !credentialSecrets.isEmpty { classes.append(secretClass(names.credentials, credentialSecrets)) }
    return classes
  }

  /// What the gateway adds to requests. No volume of the agent's has it.
  var credentialSecrets: [SecretName] { Set(agent.spec.egress.compactMap(\.credential?.secret)).sorted() }

  private func secretClass(_ name: String, _ secrets: [SecretName]) -> SecretProviderClass {
    let objects = secrets.map { secret in
      let isOwn = options.ownSecrets.contains(secret)
      let reference = SecretReference(
        tenant: agent.id.tenant, agent: isOwn ? agent.id.name : nil, name: secret)
      return """
        - objectName: "\(secret)"
          secretPath: "\(Self.mount)/data/\(reference.path)"
          secretKey: "value"

        """
    }
    return SecretProviderClass(
      metadata: meta(name, of: "secrets"),
      spec: SecretProviderClass.Spec(
        provider: "openbao",
        parameters: ["roleName": "agent", "audience": "openbao", "objects": objects.joined()]))
  }

  /// Of the KV engine.
  private static let mount = "secret"
}
