import AgentModel
import Blueprint
import Faults
import FoundationEssentials
import Logging
import NodeProtocol
import ServiceLifecycle
import Storage

/// Makes the node know what is wished, and the control plane know what is.
///
/// One loop pushes the whole desired state, at each change and every few seconds, so that a lost message costs
/// seconds and nothing else. Another waits for the node's changes. Neither takes an input; both may be repeated.
struct Reconciler: Service {
  static let period = Duration.seconds(5)
  private static let observeSeconds = 20

  let store: Store
  let node: any NodeConnection
  let view: NodeView
  let audit: AuditTrail
  let policy: Policy
  let identity: IdentityAuthority?
  let agentAccess: AgentAccess
  let signal: ChangeSignal
  let logger: Logger
  /// Raised when the node has said something new.
  private let news = ChangeSignal()
  private let readings: ReadingRecords

  init(
    store: Store, node: any NodeConnection, view: NodeView, audit: AuditTrail, policy: Policy,
    identity: IdentityAuthority? = nil, secrets: any SecretKeeping, signal: ChangeSignal, logger: Logger
  ) {
    self.store = store
    self.node = node
    self.view = view
    self.audit = audit
    self.policy = policy
    self.identity = identity
    agentAccess = AgentAccess(secrets: secrets, audit: audit, logger: logger)
    readings = ReadingRecords(audit: audit)
    self.signal = signal
    self.logger = logger
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await pushForever() }
        group.addTask { await observeForever() }
        group.addTask { await settleForever() }
        group.addTask { await tickForever() }
      }
    }
  }

  private func tickForever() async {
    while !Task.isCancelled {
      signal.raise()
      news.raise()
      do { try await Task.sleep(for: Self.period) } catch { return }
    }
  }

  private func pushForever() async {
    for await _ in signal.raised {
      do {
        try await push()
      } catch is CancellationError {
        return
      } catch {
        logger.warning("Desired state not delivered", metadata: ["error": "\(error)"])
      }
    }
  }

  /// The only caller of `settle()`: two at once would record everything twice.
  private func settleForever() async {
    for await _ in news.raised {
      do {
        try await settle()
      } catch is CancellationError {
        return
      } catch {
        logger.warning("Observations not recorded", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Hands the node everything that is wished for.
  func push() async throws {
    let (revision, agents) = try await store.desiredAgents()
    await agentAccess.shutOut(agents)
    agentAccess.begin(agents)
    async let answer = agentAccess.answer(identity == nil ? [] : view.tokenRequests, agents: agents)
    var desired = DesiredState(revision: revision, agents: agents.map(desiredAgent))
    do {
      try await identity?.renewIntermediate()
      desired.identity = try await identity?.answer(
        view.certificateRequests, agents: Set(agents.filter { $0.wish == .run }.map(\.id)))
    } catch {
      // What needs no new certificate, an end above all, goes on.
      logger.error("Certificates are not signed", metadata: ["error": "\(error)"])
    }
    let (tokens, refusal) = await answer
    desired.identity?.tokens = tokens
    desired.identity?.tokenRefusal = refusal
    view.pushing(bytes: try JSONEncoder().encode(desired).count)
    do {
      try await node.apply(desired)
      view.reached(try await node.describe())
    } catch {
      if !(error is CancellationError) { view.lost(error) }
      throw error
    }
  }

  private func desiredAgent(_ stored: StoredAgent) -> DesiredAgent {
    let blueprint = Blueprint(
      agent: stored.agent, policy: policy, trustDomain: identity?.trustDomain ?? .default)
    let wish: DesiredAgent.Wish =
      switch stored.wish {
      case .run: .run
      case .stop: .stop
      case .destroy: .destroy
      }
    return DesiredAgent(
      id: stored.id, uid: stored.uid, generation: stored.generation, sandboxGeneration: stored.sandboxGeneration,
      wish: wish, pod: blueprint.pod, networkPolicies: blueprint.networkPolicies,
      serviceEntries: blueprint.serviceEntries, authorizationPolicies: blueprint.authorizationPolicies)
  }

  private func observeForever() async {
    var revision: UInt64 = 0
    while !Task.isCancelled {
      do {
        let observed = try await node.observe(after: revision, waitSeconds: Self.observeSeconds)
        revision = observed.revision
        let asked = (view.certificateRequests, view.tokenRequests)
        view.observed(observed)
        if (observed.certificateRequests, observed.tokenRequests) != asked { signal.raise() }
        news.raise()
      } catch is CancellationError {
        return
      } catch {
        // A node that starts again counts from the beginning.
        revision = 0
        view.lost(error)
        do { try await Task.sleep(for: .seconds(1)) } catch { return }
      }
    }
  }

  /// Records what became of the agents, and forgets those of which nothing is left. Repeated until it succeeds,
  /// because nothing is noted as done before its audit record is durable.
  func settle() async throws {
    let observed = view.agents
    for stored in try await store.desiredAgents().agents {
      guard let seen = observed[stored.uid] else { continue }
      if seen.destroyed, stored.wish == .destroy {
        try await audit.require(
          AuditEvent(
            actor: "node", action: "agent.delete", target: "agent \(stored.id)", outcome: "destroyed",
            details: ["uid": "\(stored.uid)"]))
        try await agentAccess.destroy(stored)
        try await store.remove(stored.uid)
        readings.forget(stored.uid)
        signal.raise()
      } else {
        try await recordPhase(of: stored, seen)
        try await readings.record(seen.secrets ?? [], of: stored)
      }
    }
    // After a failure somebody has to try whether records can be written again.
    if audit.failure != nil {
      try await audit.require(
        AuditEvent(actor: "control-plane", action: "audit.resume", target: "audit log", outcome: "allowed"))
    }
  }

  private func recordPhase(of stored: StoredAgent, _ seen: ObservedAgent) async throws {
    let settled: Set<AgentPhase> = [.running, .stopped, .failed, .quarantined]
    let mark = "\(seen.phase.rawValue) \(seen.generation) \(seen.restarts)"
    guard settled.contains(seen.phase), mark != stored.recordedPhase else { return }
    var details = ["uid": "\(stored.uid)", "generation": "\(seen.generation)", "restarts": "\(seen.restarts)"]
    if let digest = seen.imageDigest { details["image.digest"] = digest }
    if seen.restarts > 0, let termination = seen.lastTermination {
      details["last.termination"] = shortened(termination, bytes: 1024)
    }
    if let exit = seen.lastExit, seen.phase != .running {
      details["exit.code"] = "\(exit.code)"
      if exit.outOfMemory { details["exit.reason"] = "out of memory" }
    }
    if seen.phase == .failed, let reason = seen.fault?.description ?? seen.reason {
      details["reason"] = shortened(reason, bytes: 1024)
    }
    try await audit.require(
      AuditEvent(
        actor: "node", action: "agent.phase", target: "agent \(stored.id)", outcome: seen.phase.rawValue,
        details: details))
    try await store.setRecordedPhase(mark, of: stored.uid)
  }
}

/// Says that something changed; any number of changes that nobody has looked at are one.
struct ChangeSignal: Sendable {
  let raised: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() {
    (raised, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  func raise() { continuation.yield() }
}
