import APIClient
import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import NodeProtocol
import SecretStore

/// SEC-1, 3 and 6: what an agent's own token opens, and what it does not have at all.
struct SecretChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "SEC-1", layer: "secrets", title: "an agent's token reads its own secrets, and no other, no list, no metadata",
        body: isolation),
      Check(
        "SEC-3", layer: "secrets",
        title: "workspaces' keys are wrapped by AES-256-GCM keys of 90 days, each agent by its own",
        body: keys),
      Check(
        "SEC-6", layer: "secrets", title: "no Kubernetes or service-account token is in the sandbox",
        body: tokens),
    ]
  }

  /// Asks by agents' own tokens, which it holds and shows nobody.
  private var node: NodeClient { NodeClient(socket: fixtures.site.platform.nodeSocket) }

  // MARK: SEC-1

  private func isolation() async throws -> Finding {
    let agents = try await fixtures.agents.value
    _ = (try await fixtures.first.value, try await fixtures.second.value)
    let (own, other) = (try agents.name("a"), try agents.name("b"))
    let name = try await fixtures.names.value.secret
    _ = (try await fixtures.key.value, try await fixtures.secondKey.value)
    func place(_ id: AgentID) -> String { SecretReference(tenant: id.tenant, agent: id.name, name: name).path }
    let isRead = try await node.probeSecrets([VaultProbe(.read, "secret/data/\(place(own))")], as: own) == [200]
    guard isRead else { return Finding(.failed, evidence: ["\(own) cannot read its own secret by its own token"]) }
    var finding = Finding([
      try await trial("read another agent's secret", VaultProbe(.read, "secret/data/\(place(other))"), other, own),
      try await listing(place(other), own),
      try await trial(
        "use another agent's key",
        VaultProbe(
          .write, "transit/encrypt/\(try await uid(of: other).volumeKeyName)", body: ["plaintext": "AAAA"]), other,
        own),
    ])
    if finding.verdict == .proven { finding.evidence.append("\(own) reads its own secret by the same token: 200") }
    return finding
  }

  /// One question with the token of whom it is for, and with another agent's.
  private func trial(
    _ attack: String, _ probe: VaultProbe, _ owner: AgentID, _ attacker: AgentID
  ) async throws -> Trial {
    return try await Trial.run(attack) {
      let status = try await node.probeSecrets([probe], as: owner)[0]
      return status == 200 ? .succeeded("its owner's token: 200") : .unknown("its owner's token: \(status)")
    } withControl: {
      let status = try await node.probeSecrets([probe], as: attacker)[0]
      return status == 403 ? .prevented("the attacker's own token: 403") : .succeeded("the attacker's token: \(status)")
    }
  }

  private func listing(_ place: String, _ attacker: AgentID) async throws -> Trial {
    let client = try await fixtures.agents.value.client
    let above = place.split(separator: "/").dropLast().joined(separator: "/")
    let tenant = "\(SecretReference.root)/tenant/\(attacker.tenant)"
    let probes = [
      VaultProbe(.list, "secret/metadata/\(above)"), VaultProbe(.list, "secret/metadata/\(SecretReference.root)/agent"),
      VaultProbe(.list, "secret/metadata/\(tenant)"), VaultProbe(.read, "secret/metadata/\(place)"),
      VaultProbe(.list, "sys/policies/acl"), VaultProbe(.list, "identity/entity/name"),
      VaultProbe(.list, "transit/keys"),
      VaultProbe(.delete, "secret/metadata/\(place)"),
      VaultProbe(.write, "secret/data/\(place)", body: ["value": "mine"]),
    ]
    return try await Trial.run("list, look up, change or remove what is another's") {
      let names = try await client.secrets().map { "\($0.name)" }
      return place.split(separator: "/").last.map { names.contains(String($0)) } == true
        ? .succeeded("the control plane's token lists it") : .prevented("not even the control plane lists it")
    } withControl: {
      let statuses = try await node.probeSecrets(probes, as: attacker)
      if let open = zip(probes, statuses).first(where: { $0.1 != 403 }) {
        return .succeeded("\(open.0.verb) \(open.0.path): \(open.1)")
      }
      return .prevented("\(probes.count) questions by the attacker's own token: 403 each")
    }
  }

  private func uid(of id: AgentID) async throws -> AgentUID {
    try await fixtures.agents.value.client.agent(id).metadata.uid
  }

  // MARK: SEC-3

  private func keys() async throws -> Finding {
    let agents = try await fixtures.agents.value
    _ = (try await fixtures.first.value, try await fixtures.second.value)
    let (own, other) = (try agents.name("a"), try agents.name("b"))
    let (ownUID, otherUID) = (try await uid(of: own), try await uid(of: other))
    let file = "\(fixtures.site.platform.agentsDirectory)/\(otherUID)/workspace.key"
    let wrapped = try String(contentsOfFile: file, encoding: .utf8)
    var finding = Finding([
      try await trial(
        "unwrap the key of another agent's workspace",
        VaultProbe(.write, "transit/decrypt/\(otherUID.volumeKeyName)", body: ["ciphertext": wrapped]), other, own)
    ])
    let names = [ownUID.volumeKeyName, otherUID.volumeKeyName, "agent-data"]
    let found = try await VaultOperator(layout: fixtures.site.platform).with { vault in
      var found: [(String, Transit.Key?)] = []
      for name in names { found.append((name, try await Transit(vault).key(name))) }
      return found
    }
    for (name, key) in found {
      guard let key, key.type == "aes256-gcm96", key.rotationPeriod == 90 * 86_400, !key.isExportable else {
        return Finding(
          .failed,
          evidence: ["\(name) is \(key.map { "\($0.type), rotated every \($0.rotationPeriod) s" } ?? "not there")"])
      }
      finding.evidence.append(
        "\(name): aes256-gcm96, rotated every 90 days, not exportable, version \(key.latestVersion)")
    }
    return finding
  }

  // MARK: SEC-6

  private static let script = """
    for f in /var/run/secrets/kubernetes.io/serviceaccount/token /run/secrets/kubernetes.io/serviceaccount/token; do
      [ -s $f ] && echo "found $f"
    done
    env | grep '^KUBERNETES_' | sed 's/^/found /'
    find / -xdev -path /proc -prune -o -type d -name 'kubernetes.io' -print 2>/dev/null | sed 's/^/found /'
    echo searched
    """

  private func tokens() async throws -> Finding {
    let target = try await fixtures.first.value
    let open = try await fixtures.open.value.target
    let place = "/var/run/secrets/kubernetes.io/serviceaccount"
    return Finding([
      try await Trial.run("find a service-account token") {
        let plant = "mkdir -p \(place) && echo token > \(place)/token; export KUBERNETES_SERVICE_HOST=10.0.0.1\n"
        return Self.outcome(try await open.run(plant + Self.script, .seconds(20)))
      } withControl: {
        Self.outcome(try await target.run(Self.script, .seconds(20)))
      }
    ])
  }

  private static func outcome(_ result: ScriptResult) -> AttackOutcome {
    let lines = result.output.split(separator: "\n")
    if let found = lines.first(where: { $0.hasPrefix("found ") }) { return .succeeded(String(found)) }
    guard lines.last == "searched" else {
      return .unknown("the script did not run to its end: \(result.output.suffix(200))")
    }
    return .prevented("no token file, no KUBERNETES_ variable, no directory kubernetes.io")
  }
}
