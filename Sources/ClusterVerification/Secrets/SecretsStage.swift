import AgentModel
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import SecretStore
import Verification

/// Three Agents with secrets whose values are the run's alone. They are known to the secrets manager before their Pods
/// are made, so all but SEC-2 holds also where no node has the driver that brings secrets to Pods.
struct SecretsStage: Sendable {
  let manager: SecretsManager
  /// The control plane's.
  let setter: Vault
  let keeper: AgentName
  let attacker: AgentName
  /// Is deleted in the end.
  let goner: AgentName
  /// Of the agents' own, and of their tenant's.
  let name: SecretName
  /// What the gateway of `keeper` adds to its requests.
  let credential: SecretName
  let canaries: Canaries
  let nonce: String

  /// Values that are found again wherever they are.
  struct Canaries: Hashable, Sendable {
    let prefix: String
    let own: String
    let tenant: String
    let credential: String

    /// - Parameter run: its id.
    init(run: String) {
      let prefix = "canary-\(run)-"
      func value() -> String { prefix + UUID().uuidString.lowercased().replacing("-", with: "") }
      self.prefix = prefix
      (own, tenant, credential) = (value(), value(), value())
    }

    var all: [String] { [own, tenant, credential] }
  }

  static let startLimit = Duration.seconds(60)

  /// Where the run's secrets of the whole tenant begin.
  private static let prefix = "verify-"

  static func start(_ site: ClusterSite) async throws -> SecretsStage {
    let manager = try SecretsManager(site)
    let setter: Vault
    do { setter = try await manager.controlPlane().vault } catch {
      try? await manager.client.shutdown()  // nothing was got by it
      guard let fault = error as? Fault else { throw error }
      throw NotTestable("the secrets manager does not let the control plane's account in: \(oneLine("\(fault)"))")
    }
    guard let name = SecretName("\(prefix)\(site.mark.id)"), let credential = SecretName("\(name)-key"),
      let keeper = AgentName(site.agentName(.owner)),
      let attacker = AgentName(site.agentName(.reader)),
      let goner = AgentName(site.agentName(.goner))
    else { throw NotTestable("'\(site.mark.id)' is no part of a name") }
    let stage = SecretsStage(
      manager: manager, setter: setter, keeper: keeper, attacker: attacker, goner: goner, name: name,
      credential: credential, canaries: Canaries(run: site.mark.id), nonce: UUID().uuidString)
    do {
      try await stage.make()
      return stage
    } catch {
      _ = await stage.close()
      throw error
    }
  }

  private func make() async throws {
    await removeLeftOvers()
    let store = KeyValue(setter)
    for agent in agents { try await store.write(path(of: agent), SecretValue(canaries.own.utf8)) }
    try await store.write(path(of: nil), SecretValue(canaries.tenant.utf8))
    try await store.write(credentialPath, SecretValue(canaries.credential.utf8))
    for agent in agents {
      do { try await site.client.create(document(agent), of: .agents) } catch let fault as Fault {
        throw NotTestable("the Agent \(agent) cannot be made: \(fault.reason)")
      }
    }
    for agent in agents { try await identified(agent) }
  }

  private var agents: [AgentName] { [keeper, attacker, goner] }
  private var site: ClusterSite { manager.site }

  /// - Parameter agent: `nil` for what all agents of the tenant have.
  func path(of agent: AgentName?) -> String {
    SecretReference(tenant: site.tenant, agent: agent, name: name).path
  }

  private var credentialPath: String { SecretReference(tenant: site.tenant, agent: nil, name: credential).path }

  private func document(_ agent: AgentName) throws -> KubernetesObject {
    var plan = ProbePlan(nonce: nonce, canary: "")
    plan.secretSearch = canaries.prefix
    var object = try ProbePods(site: site).agent("\(agent)", plan)
    object.change("spec") { spec in
      spec["secrets"] = [["name": .string("\(name)")]]
      guard agent == keeper else { return }
      spec["egress"] = [
        [
          "host": .string(AttackTargets.allowedHost),
          "credential": ["secret": .string("\(credential)"), "header": "x-api-key"],
        ]
      ]
    }
    // Of the others nothing runs: it is their accounts that ask.
    if agent != keeper { object.annotations["lobstack.dev/stopped"] = "true" }
    return object
  }

  /// Until the operator has made an agent known.
  private func identified(_ agent: AgentName) async throws {
    let deadline = ContinuousClock.now + Self.startLimit
    while true {
      let object = try await site.client.get(.agents, "\(agent)", namespace: site.namespace)
      let condition = object["status", "conditions"]?.array?.first { $0["type"]?.string == "Identified" }
      if condition?["status"]?.string == "True" { return }
      guard ContinuousClock.now < deadline else {
        let reason = condition?["message"]?.string ?? object["status", "reason"]?.string ?? "the operator says nothing"
        throw NotTestable("the secrets manager does not know the Agent \(agent): \(oneLine(reason))")
      }
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  // MARK: The end

  /// Takes the secrets away, also those that no Agent was made for.
  ///
  /// - Returns: what could not be taken away.
  func close() async -> [String] {
    // A task of its own, awaited here, because a cancelled one could not ask any more.
    await Task {
      var left: [String] = []
      for path in [path(of: nil), credentialPath] + agents.map({ path(of: $0) }) {
        do { try await KeyValue(setter).destroy(path) } catch { left.append("secret \(path): \(error)") }
      }
      try? await manager.client.shutdown()  // it was all that it was for
      return left
    }.value
  }

  /// Of killed runs: worth nothing, and in nobody's way but for its name.
  private func removeLeftOvers() async {
    let place = "\(SecretReference.root)/tenant/\(site.tenant)"
    let store = KeyValue(setter)
    for name in (try? await store.list(place)) ?? [] where name.hasPrefix(Self.prefix) {
      guard let time = try? await store.metadata("\(place)/\(name)")?.updatedTime,
        Self.isOver(time, at: .now)
      else { continue }
      try? await store.destroy("\(place)/\(name)")  // it is tried again by the next run
    }
  }

  /// - Parameter time: RFC 3339, with parts of a second.
  static func isOver(_ time: String, at now: Date) -> Bool {
    guard let written = try? Date(String(time.prefix(19)) + "Z", strategy: .iso8601) else { return false }
    return now.timeIntervalSince(written) > TimeInterval(RunMark.longestRun.components.seconds)
  }
}
