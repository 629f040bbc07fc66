import AgentModel
import Faults
import Foundation
import Glibc
import Logging
import NodeProtocol
import SecretStore
import Turns

/// Brings agents their secrets, read as each of them: as files in memory for the agent, as credentials for the node
/// proxy. Read again every five minutes, and at once when one was set.
///
/// While the secrets manager does not answer, an agent keeps what it has until its lease ends.
actor AgentSecrets {
  private struct Served: Sendable, Codable {
    var id: AgentID
    var needs: SecretNeeds
    var held: [SecretName: HeldSecret] = [:]
    /// By the time of day, for people.
    var readAt: Date
    var lease: SecretLease
    /// Why the last reading failed.
    var fault: Fault?
  }

  /// Agents whose secrets are read at the same time.
  private let readings = Turn(places: 8)

  private let layout: InstanceLayout
  private let sessions: AgentSessions
  private let logger: Logger
  private var served: [AgentUID: Served] = [:]
  private var reading: Set<AgentUID> = []
  /// Called when what the proxy adds to requests has changed.
  private var onChange: @Sendable () async throws -> Void = {}
  private var isTold = true

  init(layout: InstanceLayout, sessions: AgentSessions, logger: Logger) {
    self.layout = layout
    self.sessions = sessions
    self.logger = logger
    // In memory as well: without the file, or with a damaged one, all are read again.
    served =
      FileManager.default.contents(atPath: Self.file(layout))
      .flatMap { try? JSONDecoder().decode([AgentUID: Served].self, from: $0) } ?? [:]
  }

  func onChange(_ body: @escaping @Sendable () async throws -> Void) { onChange = body }

  /// What the proxy adds to the requests of agents.
  var credentials: [AgentUID: [SecretName: HeldSecret]] {
    served.mapValues { served in served.held.filter { served.needs.credentials.contains($0.key) } }
  }

  /// What was read as each agent, and is held for it.
  var held: [AgentUID: [SecretReading]] {
    served.mapValues { served in
      served.held.values.map { SecretReading($0.reference, version: $0.version) }
        .sorted { $0.reference.description < $1.reference.description }
    }
  }

  // MARK: An agent's life

  /// Reads what a starting agent needs, and puts its files in place.
  ///
  /// - Throws: `Fault(.notFound)` for a secret that is to be a file and is not there; `Fault(.invalid)` for a credential
  ///   that no header can carry; `Fault` when the secrets manager does not answer or refuses.
  func admit(_ agent: DesiredAgent) async throws {
    let needs = try SecretNeeds(agent)
    let files = SecretFiles(layout: layout, uid: agent.uid)
    guard !needs.isEmpty else {
      if served.removeValue(forKey: agent.uid) != nil { files.remove() }
      return
    }
    let held = try await readOrKeep(needs, agent)
    for name in needs.files where held[name] == nil {
      throw Fault(
        .notFound, operation: "give agent \(agent.id) its secrets",
        reason: "neither the agent nor its tenant has a secret '\(name)'",
        remedy: "set it with 'lobstack secret set \(name) --agent \(agent.id)'")
    }
    for name in needs.credentials {
      guard let secret = held[name], secret.value.headerText == nil else { continue }
      throw Fault(
        .invalid, operation: "give agent \(agent.id) its credentials",
        reason: "secret '\(name)' cannot be a header: it has line breaks, or other bytes than printable ASCII, or more "
          + "than \(SecretValue.longestHeader) of them, or repeats itself",
        remedy: "set it again with 'lobstack secret set \(name)'")
    }
    if !needs.files.isEmpty { try files.write(values(held, needs.files)) }
    served[agent.uid] = Served(
      id: agent.id, needs: needs, held: held, readAt: Date(), lease: SecretLease(from: .now))
    save()
  }

  /// An agent that starts again while the secrets manager does not answer keeps what it had, until its lease ends.
  private func readOrKeep(_ needs: SecretNeeds, _ agent: DesiredAgent) async throws -> [SecretName: HeldSecret] {
    do { return try await read(needs.all, as: agent.id) } catch let fault as Fault where fault.code == .unavailable {
      guard let before = served[agent.uid], before.needs == needs, !before.lease.isOver(at: .now) else { throw fault }
      return before.held
    }
  }

  /// Takes everything away that the agent had.
  func withdraw(_ uid: AgentUID) {
    SecretFiles(layout: layout, uid: uid).remove()
    if served.removeValue(forKey: uid) != nil { save() }
  }

  /// Forgets those who are no more: after a start of the node.
  func adopt(_ agents: Set<AgentUID>) {
    for uid in served.keys where !agents.contains(uid) {
      served[uid] = nil
      SecretFiles(layout: layout, uid: uid).remove()
    }
    save()
  }

  // MARK: Reading

  /// Reads a secret again for those who have it; returns when they have what is there now.
  func changed(_ reference: SecretReference) async {
    let concerned = served.filter { _, served in
      served.id.tenant == reference.tenant && (reference.agent == nil || served.id.name == reference.agent)
        && served.needs.all.contains(reference.name)
    }
    for uid in concerned.keys { served[uid]?.lease.doubt(at: .now) }
    await refreshDue()
  }

  /// Reads what is due, and takes away what nobody may use any longer.
  func tick() async {
    for (uid, agent) in served where agent.lease.isOver(at: .now) && !agent.held.isEmpty {
      logger.error(
        "The lease of an agent's secrets has ended; it has none any more", metadata: ["agent.id": "\(agent.id)"])
      served[uid]?.held = [:]
      if !agent.needs.files.isEmpty { put([:], uid) }
      isTold = false
    }
    await refreshDue()
  }

  private func refreshDue() async {
    let now = ContinuousClock.now
    let due = served.filter { $0.value.lease.due <= now && !reading.contains($0.key) }
    await withTaskGroup(of: Void.self) { group in
      for (uid, agent) in due {
        reading.insert(uid)
        group.addTask { await self.refresh(uid, agent.id, agent.needs) }
      }
    }
    guard !isTold else { return }
    do {
      try await onChange()
      isTold = true
    } catch {
      logger.warning("The node proxy does not have the new credentials yet", metadata: ["error": "\(error)"])
    }
  }

  private func refresh(_ uid: AgentUID, _ id: AgentID, _ needs: SecretNeeds) async {
    defer { reading.remove(uid) }
    let due = served[uid]?.lease.due
    do {
      let held = try await readings.take { try await self.read(needs.all, as: id) }
      // It may have been withdrawn meanwhile, or need other secrets.
      guard let before = served[uid], before.needs == needs else { return }
      if !needs.files.isEmpty { put(values(held, needs.files), uid) }
      var lease = SecretLease(from: .now)
      // Set again while it was read: what was read may be old.
      if before.lease.due != due { lease.doubt(at: .now) }
      served[uid] = Served(id: id, needs: needs, held: held, readAt: Date(), lease: lease)
      if before.held != held { isTold = false }
      save()
    } catch {
      let fault = Fault.wrap(error, operation: "read the secrets of agent \(id)", remedy: "see 'lobstack status'")
      logger.warning("Secrets cannot be read again", metadata: ["agent.id": "\(id)", "error": "\(fault)"])
      served[uid]?.fault = fault
      served[uid]?.lease.retry(from: .now)
    }
  }

  /// The newest of each, the agent's own before its tenant's; one that is not there is left out.
  private func read(_ names: [SecretName], as id: AgentID) async throws -> [SecretName: HeldSecret] {
    try await sessions.with(id) { try await readSecrets(names, of: id, at: KeyValue($0)) }
  }

  private func put(_ values: [SecretName: SecretValue], _ uid: AgentUID) {
    do { try SecretFiles(layout: layout, uid: uid).write(values) } catch {
      logger.error("Secrets cannot be written", metadata: ["agent.uid": "\(uid)", "error": "\(error)"])
      served[uid]?.lease.retry(from: .now)
    }
  }

  private func values(_ held: [SecretName: HeldSecret], _ names: [SecretName]) -> [SecretName: SecretValue] {
    held.filter { names.contains($0.key) }.mapValues(\.value)
  }

  private func save() {
    do { try writeAtomically(served, to: Self.file(layout), mode: 0o600) } catch {
      // The next node reads all again, which is all that is lost.
      logger.warning("What was read is not kept", metadata: ["error": "\(error)"])
    }
  }

  private static func file(_ layout: InstanceLayout) -> String { "\(layout.agentSecretsDirectory)/held.json" }

  // MARK: Read-back

  /// The layer `secrets` of one agent; `nil` for one that has none.
  func readBack(_ uid: AgentUID) -> LayerStatus? {
    guard let agent = served[uid] else { return nil }
    func layer(_ state: LayerStatus.State, _ evidence: String) -> LayerStatus {
      LayerStatus(layer: "secrets", state: state, evidence: evidence)
    }
    let read = "read as the agent at \(agent.readAt.ISO8601Format())"
    if let fault = agent.fault { return layer(.unknown, "\(read); since then: \(fault.reason)") }
    let names = agent.held.values.sorted { $0.reference.name < $1.reference.name }
      .map { "\($0.reference.name) version \($0.version)" }.joined(separator: ", ")
    return layer(.enforced, "\(names.isEmpty ? "none is there" : names), \(read)")
  }
}

private func readSecrets(
  _ names: [SecretName], of id: AgentID, at store: KeyValue
) async throws -> [SecretName: HeldSecret] {
  try await withThrowingTaskGroup(of: HeldSecret?.self) { group in
    for name in names {
      group.addTask {
        for scope in [id.name, nil] {
          let reference = SecretReference(tenant: id.tenant, agent: scope, name: name)
          guard let found = try await store.read(reference.path) else { continue }
          return HeldSecret(reference: reference, value: found.value, version: found.version)
        }
        return nil
      }
    }
    var held: [SecretName: HeldSecret] = [:]
    for try await case let secret? in group { held[secret.reference.name] = secret }
    return held
  }
}
