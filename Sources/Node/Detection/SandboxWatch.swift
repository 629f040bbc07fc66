import AgentModel
import Deadlines
import Documents
import Faults
import Foundation
import Framing
import GuestTrace
import NetworkIsolation
import NodeProtocol
import Sandbox

/// The node's end of the talk with the sentinel: which sandboxes are to be watched, which are, and which responses are
/// ordered.
actor SandboxWatch {
  /// How long a sandbox may run without a session that is known to be there: as long as the sentinel takes to start
  /// anew, and sessions to follow.
  static let grace = Duration.seconds(10)
  /// The sentinel tells of its sessions every two seconds.
  private static let freshness = Duration.seconds(6)

  /// How long a start waits for the sentinel.
  private static let patience = Duration.seconds(3)

  /// Asks for a response, and gets what became of it.
  typealias Respond = @Sendable (ResponseOrder) async -> ResponseAnswer

  private let layout: InstanceLayout
  private var watched: [String: WatchedSandbox] = [:]
  private var sessions: [String: TraceSession] = [:]
  /// When the sentinel told of its sessions last.
  private var toldAt: ContinuousClock.Instant?
  /// When each session was there last.
  private var seenAt: [String: ContinuousClock.Instant] = [:]
  private var output: (number: Int, send: @Sendable (DetectionMessage) async throws -> Void)?
  private var links = 0
  /// Of what is to be watched; and as far as the sentinel knows it.
  private var revision: UInt64 = 0
  private var known: UInt64 = 0
  /// What it watches by.
  private var rules = 0
  private var waiters: [UUID: CheckedContinuation<Void, Never>] = [:]
  private var respond: Respond = { ResponseAnswer(alert: $0.alert, time: .now, failure: "the node starts") }

  /// - Throws: `Fault` when the configuration of the sessions cannot be written.
  init(layout: InstanceLayout) throws {
    self.layout = layout
    try writeConfiguration()
  }

  private nonisolated func writeConfiguration() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      let bytes = try encoder.encode(TracePoints(socket: layout.traceSocket))
      try bytes.write(to: URL(filePath: layout.traceConfiguration), options: .atomic)
    } catch {
      throw Fault(
        .exhausted, operation: "write \(layout.traceConfiguration)", reason: "the file cannot be written",
        remedy: "free memory and start the node again", cause: error)
    }
  }

  func onOrder(_ respond: @escaping Respond) { self.respond = respond }

  // MARK: Sandboxes

  /// Tells the sentinel what changed about a sandbox; one that comes later is told all.
  func update(_ sandbox: WatchedSandbox) async {
    watched[sandbox.container] = sandbox
    try? await output?.send(next())
  }

  /// Makes the sentinel expect a sandbox.
  ///
  /// - Throws: `Fault(.unavailable)` without a sentinel that answers: nothing starts unseen.
  func watch(_ sandbox: WatchedSandbox) async throws {
    watched[sandbox.container] = sandbox
    if seenAt[sandbox.container] == nil { seenAt[sandbox.container] = .now }
    let operation = "watch agent \(sandbox.agent)"
    let message = next()
    let told = revision
    try await send(message, operation: operation)
    guard try await wait(until: { $0.known >= told && $0.rules > 0 }) else {
      throw Self.unavailable(operation, because: "the sentinel does not answer, or has no rules")
    }
  }

  /// Why a sandbox could not be started, when that was for want of the sentinel: then it is worth another try.
  func blame(_ error: any Error, for container: String) -> any Error {
    guard !isFresh else { return error }
    return Self.unavailable(
      "start sandbox \(container)", because: "the sentinel went away meanwhile", cause: error)
  }

  func forget(_ container: String) async {
    guard watched.removeValue(forKey: container) != nil else { return }
    sessions[container] = nil
    seenAt[container] = nil
    // Without a sentinel there is nobody to tell; the next one is told all.
    try? await output?.send(next())
  }

  /// Takes up the sandboxes of an earlier node.
  func adopt(_ sandboxes: [WatchedSandbox]) {
    for sandbox in sandboxes {
      watched[sandbox.container] = sandbox
      seenAt[sandbox.container] = .now
    }
  }

  /// An operator's program is an event that gVisor does not tell.
  func tell(_ command: OperatorCommand) async throws {
    try await send(.command(command), operation: "run a program")
  }

  /// Waits a little for a sentinel that starts.
  private func send(_ message: DetectionMessage, operation: String) async throws {
    _ = try await wait { $0.output != nil }
    guard let output else {
      throw Self.unavailable(operation, because: "the sentinel is not there to see it")
    }
    try await output.send(message)
  }

  /// Returns when the session of a sandbox is there, or after a while; what is read back tells which.
  func waitForSession(_ container: String) async {
    _ = try? await wait { $0.sessions[container] != nil }  // cancelled: as if it had not come
  }

  /// - Returns: whether the sentinel made it so in time.
  /// - Throws: `CancellationError`.
  private func wait(until isSo: (isolated SandboxWatch) -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + Self.patience
    while !isSo(self) {
      try Task.checkCancellation()
      guard ContinuousClock.now < end else { return false }
      let id = UUID()
      let timeout = Task {
        try? await Task.sleep(until: end)  // cancelled: it came
        release(id)
      }
      await withTaskCancellationHandler {
        await withCheckedContinuation { waiters[id] = $0 }
      } onCancel: {
        // Nobody awaits it: what it wakes is awaited. Cancelled before it waits, it waits to the timeout at most.
        Task { await release(id) }
      }
      timeout.cancel()
    }
    return true
  }

  private func release(_ id: UUID) { waiters.removeValue(forKey: id)?.resume() }

  private func wake() { for id in waiters.keys { release(id) } }

  /// Running sandboxes whose session is to be made anew, because the sentinel has none of them.
  func unwatched(_ running: [SandboxID]) -> [SandboxID] {
    guard isFresh else { return [] }
    return running.filter { sessions[$0.description] == nil && watched[$0.description] != nil }
  }

  func readBack(_ container: String) -> LayerStatus {
    func layer(_ state: LayerStatus.State, _ evidence: String) -> LayerStatus {
      LayerStatus(layer: "detection", state: state, evidence: evidence)
    }
    if isFresh, let session = sessions[container] {
      return layer(
        .enforced, "the sentinel watches it: \(session.messages) events, \(session.dropped) that could not be told")
    }
    let missing = isFresh ? "the sentinel has no trace session of it" : "the sentinel is not there"
    let isOver = seenAt[container].map { ContinuousClock.now - $0 >= Self.grace } ?? true
    return layer(isOver ? .failed : .unknown, missing)
  }

  /// Whether the sentinel was there a moment ago.
  private var isFresh: Bool { output != nil && (toldAt.map { ContinuousClock.now - $0 < Self.freshness } ?? false) }

  /// The sentinel as it answers now.
  var service: NodeDescription.Service {
    func service(_ state: NodeDescription.Service.State, _ detail: String) -> NodeDescription.Service {
      NodeDescription.Service(name: "sentinel", state: state, detail: detail)
    }
    guard isFresh else { return service(.down, "it is not there; see \(layout.logDirectory)/sentinel.log") }
    guard rules > 0 else { return service(.degraded, "it has no rules; see \(layout.logDirectory)/sentinel.log") }
    return service(.ready, "watches \(sessions.count) sandboxes by \(rules) rules")
  }

  private func next() -> DetectionMessage {
    revision += 1
    return .sandboxes(watched.values.sorted { $0.container < $1.container }, revision: revision)
  }

  // MARK: The sentinel

  /// Speaks with the sentinel until it goes away. The last one that comes is the one that counts.
  func serve(
    input: AsyncStream<Frame>, output: @escaping @Sendable (Frame) async throws -> Void
  ) async throws {
    links += 1
    let number = links
    let send: @Sendable (DetectionMessage) async throws -> Void = { message in
      // A sentinel that stands still reads nothing, and must keep nobody.
      try await withDeadline(
        Self.patience, orThrow: Self.unavailable("tell the sentinel", because: "it does not read")
      ) { try await output(try Frame.json(.message, message)) }
    }
    self.output = (number, send)
    wake()
    defer { if self.output?.number == number { leave() } }
    try await send(next())
    try await withThrowingDiscardingTaskGroup { group in
      for await frame in input {
        switch try frame.decode(SentinelMessage.self) {
        case .sessions(let told, let known, let rules):
          if self.output?.number == number { take(told, known, rules) }
        case .order(var order):
          // The sentinel speaks for rules, and for no person.
          order.person = nil
          let (respond, order) = (respond, order)
          group.addTask { try await send(.answer(await respond(order))) }
        }
      }
    }
  }

  private static func unavailable(_ operation: String, because reason: String, cause: (any Error)? = nil) -> Fault {
    Fault(
      .unavailable, operation: operation, reason: reason, remedy: "see 'lobstack status' and the log of the sentinel",
      cause: cause)
  }

  private func leave() {
    known = 0
    output = nil
    sessions = [:]
  }

  private func take(_ told: [TraceSession], _ known: UInt64, _ rules: Int) {
    (self.known, self.rules) = (known, rules)
    sessions = Dictionary(told.map { ($0.container, $0) }) { first, _ in first }
    toldAt = .now
    for container in sessions.keys where watched[container] != nil { seenAt[container] = .now }
    wake()
  }
}

extension WatchedSandbox {
  init(_ desired: DesiredAgent, container: SandboxID, network: AgentNetwork) {
    let annotations = desired.pod.metadata.annotations ?? [:]
    self.init(
      container: container.description, agent: desired.id, uid: desired.uid,
      tier: annotations[tierAnnotation] ?? "", image: desired.pod.spec.containers.first?.image ?? "",
      response: annotations[responseAnnotation].flatMap(AgentResponse.init) ?? .alert,
      address: network.agentAddress, interface: network.interface)
  }
}
