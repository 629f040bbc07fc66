import AgentModel
import Faults
import KubernetesAPI
import KubernetesRendering
import SecretStore
import Verification

/// SEC-1, 3 and 5: what the account of an agent opens at the secrets manager, and for how long.
struct SecretsChecks: Sendable {
  let site: ClusterSite
  let stage: Shared<SecretsStage>

  private static let deadline = SecretsStage.startLimit + .seconds(60)
  /// After a deletion; the operator is told of it at once.
  private static let revocation = Duration.seconds(60)

  var all: [Check] {
    [
      check("SEC-1", "an agent's account reads its own secrets, and no other, no list, no metadata", isolation),
      check("SEC-3", "keys are AES-256-GCM keys of 90 days, which no agent's account uses", keys),
      // Last: it deletes an Agent.
      Check(
        "SEC-5-SECRETS", layer: "secrets",
        title: "a deleted agent's secrets are destroyed, and its tokens are worth nothing",
        deadline: Self.deadline + Self.revocation, isAlone: true, isLong: true, body: revocation),
    ] + DeliveryChecks(site: site, stage: stage).all
  }

  private func check(_ id: String, _ title: String, _ body: @escaping @Sendable () async throws -> Finding) -> Check {
    Check(id, layer: "secrets", title: title, deadline: Self.deadline, isLong: true, body: body)
  }

  // MARK: SEC-1

  /// A token lives an hour at most (policy/vault/kubernetes.hcl).
  private static let longestLease = 3_600

  private func isolation() async throws -> Finding {
    let stage = try await stage.value
    let owner = try await stage.manager.agent(stage.keeper)
    let attacker = try await stage.manager.agent(stage.attacker)
    for path in [stage.path(of: stage.keeper), stage.path(of: nil)] {
      let status = try await owner.vault.status(of: VaultProbe(.read, "secret/data/\(path)"))
      guard status == 200 else {
        return Finding(.failed, evidence: ["\(stage.keeper) cannot read \(path), which is its own: \(status)"])
      }
    }
    guard (1...Self.longestLease).contains(owner.login.lease), !owner.login.policies.contains("root") else {
      return Finding(
        .failed,
        evidence: ["the token of \(stage.keeper) lives \(owner.login.lease) s, with \(owner.login.policies)"])
    }
    var finding = Finding(
      [
        try await reading(stage, owner, attacker), try await otherTenant(stage, attacker),
        try await listing(stage, attacker), try await stranger(stage, owner),
      ] + (try await logins(stage)))
    if finding.verdict == .proven {
      finding.evidence.append("\(stage.keeper) reads its own secrets by a token of \(owner.login.lease) s")
    }
    return finding
  }

  private func reading(
    _ stage: SecretsStage, _ owner: SecretsManager.Session, _ attacker: SecretsManager.Session
  ) async throws -> Trial {
    let probe = VaultProbe(.read, "secret/data/\(stage.path(of: stage.keeper))")
    return try await Trial.run("read another agent's secret") {
      Self.opened(try await owner.vault.status(of: probe), by: "its owner's token")
    } withControl: {
      Self.refused(try await attacker.vault.status(of: probe))
    }
  }

  /// The very same question but for the tenant's name.
  private func otherTenant(_ stage: SecretsStage, _ attacker: SecretsManager.Session) async throws -> Trial {
    try await Trial.run("read the secrets of another tenant") {
      Self.opened(
        try await attacker.vault.status(of: VaultProbe(.read, "secret/data/\(stage.path(of: nil))")),
        by: "that of its own tenant")
    } withControl: {
      let path = "\(SecretReference.root)/tenant/\(site.tenant)-other/\(stage.name)"
      return Self.refused(try await attacker.vault.status(of: VaultProbe(.read, "secret/data/\(path)")))
    }
  }

  private func listing(_ stage: SecretsStage, _ attacker: SecretsManager.Session) async throws -> Trial {
    let place = stage.path(of: stage.keeper)
    let above = place.split(separator: "/").dropLast().joined(separator: "/")
    let probes = [
      VaultProbe(.list, "secret/metadata/\(above)"), VaultProbe(.list, "secret/metadata/\(SecretReference.root)/agent"),
      VaultProbe(.list, "secret/metadata/\(SecretReference.root)/tenant/\(site.tenant)"),
      VaultProbe(.read, "secret/metadata/\(place)"), VaultProbe(.list, "sys/policies/acl"),
      VaultProbe(.list, "identity/entity/name"), VaultProbe(.list, "transit/keys"),
      VaultProbe(.read, "sys/storage/raft/configuration"), VaultProbe(.delete, "secret/metadata/\(place)"),
      VaultProbe(.write, "secret/data/\(place)", body: ["value": "mine"]),
      VaultProbe(.write, "auth/kubernetes/role/agent", body: ["token_policies": "lobstack-operator"]),
    ]
    return try await Trial.run("list, look up, change or remove what is another's") {
      Self.opened(try await stage.setter.status(of: probes[0]), by: "the control plane's token")
    } withControl: {
      for probe in probes {
        let status = try await attacker.vault.status(of: probe)
        if status != 403 { return .succeeded("\(probe.verb) \(probe.path): \(status)") }
      }
      return .prevented("\(probes.count) questions by the attacker's own token: 403 each")
    }
  }

  /// An account of the tenant's namespace that is no agent's.
  private func stranger(_ stage: SecretsStage, _ owner: SecretsManager.Session) async throws -> Trial {
    let probe = VaultProbe(.read, "secret/data/\(stage.path(of: nil))")
    return try await Trial.run("read a tenant's secret by an account that is no agent's") {
      Self.opened(try await owner.vault.status(of: probe), by: "an agent's token")
    } withControl: {
      let session = try await stage.manager.logIn("default", of: site.namespace, as: "agent")
      return Self.refused(try await session.vault.status(of: probe))
    }
  }

  private func logins(_ stage: SecretsStage) async throws -> [Trial] {
    let manager = stage.manager
    func trial(
      _ attack: String, _ account: String, _ namespace: String, _ role: String,
      _ audience: String = SecretsManager.audience,
      control: @escaping @Sendable () async throws -> SecretsManager.Session
    ) async throws -> Trial {
      try await Trial.run(attack) {
        .succeeded("the right one gets a token of \(try await control().login.lease) s")
      } withControl: {
        do {
          let session = try await manager.logIn(account, of: namespace, as: role, audience: audience)
          return .succeeded("\(account) of \(namespace) is let in, with \(session.login.policies)")
        } catch let fault as Fault where fault.code == .unauthenticated {
          return .prevented("\(account) of \(namespace): \(oneLine(fault.reason))")
        }
      }
    }
    let agent: @Sendable () async throws -> SecretsManager.Session = { try await manager.agent(stage.attacker) }
    return [
      try await trial(
        "log in as an agent from a namespace that is no tenant's", ClusterSite.account, site.bareNamespace, "agent",
        control: agent),
      try await trial(
        "log in by a token that is for the API server", "\(stage.attacker)", site.namespace, "agent",
        "https://kubernetes.default.svc", control: agent),
      try await trial(
        "log in as the control plane by an agent's account", "\(stage.attacker)", site.namespace, "control-plane",
        control: { try await manager.controlPlane() }),
      try await trial(
        "log in as people do by an agent's account", "\(stage.attacker)", site.namespace, "operator",
        control: { try await manager.people() }),
    ]
  }

  private static func opened(_ status: Int, by whom: String) -> AttackOutcome {
    status == 200 ? .succeeded("\(whom): 200") : .unknown("\(whom): \(status)")
  }

  private static func refused(_ status: Int) -> AttackOutcome {
    status == 403 ? .prevented("the attacker's token: 403") : .succeeded("the attacker's token: \(status)")
  }

  // MARK: SEC-3

  private static let key = "agent-data"
  private static let rotation = 90 * 86_400

  private func keys() async throws -> Finding {
    let stage = try await stage.value
    let attacker = try await stage.manager.agent(stage.attacker)
    let wrapped = try await Transit(stage.setter).dataKey(Self.key).wrapped
    let probe = VaultProbe(.write, "transit/decrypt/\(Self.key)", body: ["ciphertext": wrapped])
    let trial = try await Trial.run("unwrap a key of the platform") {
      Self.opened(try await stage.setter.status(of: probe), by: "the control plane's token")
    } withControl: {
      Self.refused(try await attacker.vault.status(of: probe))
    }
    var finding = Finding([trial])
    guard let key = try await Transit(stage.setter).key(Self.key) else {
      return Finding(.failed, evidence: ["there is no key \(Self.key)"])
    }
    let text = "\(Self.key): \(key.type), rotated every \(key.rotationPeriod) s, version \(key.latestVersion)"
    guard key.type == Transit.KeyType.aes256GCM.rawValue, (1...Self.rotation).contains(key.rotationPeriod),
      !key.isExportable, !key.isDeletable
    else {
      return Finding(.failed, evidence: ["\(text), exportable: \(key.isExportable), deletable: \(key.isDeletable)"])
    }
    finding.evidence.append("\(text), neither exportable nor deletable")
    return finding
  }

  // MARK: SEC-5

  private func revocation() async throws -> Finding {
    let stage = try await stage.value
    let session = try await stage.manager.agent(stage.goner)
    let place = stage.path(of: stage.goner)
    let probe = VaultProbe(.read, "secret/data/\(place)")
    let before = try await session.vault.status(of: probe)
    let started = ContinuousClock.now
    try await site.client.delete(.agents, "\(stage.goner)", namespace: site.namespace)
    var after = before
    var isThere = true
    while started.duration(to: .now) < Self.revocation, after == 200 || isThere {
      try await Task.sleep(for: .milliseconds(200))
      after = try await session.vault.status(of: probe)
      isThere = try await KeyValue(stage.setter).metadata(place) != nil
    }
    let time = "\(started.duration(to: .now).milliseconds) ms after the deletion"
    return Finding([
      Trial(
        "use a deleted agent's token", withoutControl: Self.opened(before, by: "before"),
        withControl: after == 403 ? .prevented("\(time): 403") : .succeeded("\(time): \(after)")),
      Trial(
        "find the secrets that were its alone", withoutControl: Self.opened(before, by: "before"),
        withControl: isThere ? .succeeded("\(time) they are there") : .prevented("\(time) they are destroyed")),
    ])
  }
}
