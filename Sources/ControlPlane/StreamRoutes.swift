import APIModel
import AgentModel
import Faults
import Framing
import HTTPTypes
import Hummingbird
import NIOCore
import Storage
import Synchronization

extension API {
  func addStreamRoutes(to router: Router<APIContext>) {
    router.post("/v1/tenants/{tenant}/agents/{name}/exec", use: exec)
    router.get("/v1/tenants/{tenant}/agents/{name}/logs", use: logs)
  }

  // MARK: Exec

  @Sendable private func exec(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try agentID(context)
    let operation = "run a program in agent \(id)"
    let stored = try await agents.find(id, .change, by: principal, operation: operation)
    try view.requireReachable(operation: operation)
    let (wanted, input) = try await ExecInput.open(request.body, operation: operation)
    let event = AuditEvent(run: wanted, in: id, uid: "\(stored.uid)", by: principal)
    let lease = try StreamLease(streams, principal, context, operation: operation)
    try await audit.require(event)
    return frameResponse(lease, input: input) { sink in
      let ending = await runProgram(operation, input: input, sink: sink) {
        try await node.exec(
          uid: stored.uid, command: wanted.command, env: wanted.env, directory: wanted.directory,
          input: input.frames, output: sink.send)
      }
      var outcome = event
      outcome.outcome = ending
      await audit.note(outcome)
    }
  }

  // MARK: Logs

  @Sendable private func logs(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try agentID(context)
    let operation = "read the logs of agent \(id)"
    let stored = try await agents.find(id, .view, by: principal, operation: operation)
    let tail = try integer("tail", of: request, in: 0...(16 << 20), default: 64 << 10)
    let follow =
      try parameter("follow", of: request, rule: "true or false") { Bool($0) } ?? false
    try view.requireReachable(operation: operation)
    try requireNoBody(request, operation: operation)
    let lease = try StreamLease(streams, principal, context, operation: operation)
    let framed = request.headers[.accept]?.contains(APIProtocol.streamMediaType) ?? false
    return frameResponse(lease, framed: framed) { sink in
      do {
        try await request.whileConnected {
          try await node.logs(uid: stored.uid, tailBytes: tail, follow: follow, output: sink.send)
        }
      } catch let fault as Fault {
        await sink.fail(fault)
      } catch {
        await sink.fail(
          Fault(.unavailable, operation: operation, reason: "the stream was cut off", remedy: "try again"))
      }
    }
  }
}

/// A stream's slot, given back once: at the stream's end, or when the answer is dropped unsent.
final class StreamLease: Sendable {
  private let slots: StreamSlots
  private let slot: Int
  private let ended: AsyncStream<Void>
  private let channel: any Channel

  /// - Parameter context: of the request; its connection does not count as idle meanwhile.
  init(_ slots: StreamSlots, _ principal: Principal, _ context: APIContext, operation: String) throws {
    self.slots = slots
    channel = context.channel
    (slot, ended) = try slots.take(principal, session: context.session, operation: operation)
    channel.triggerUserOutboundEvent(StreamEvent.began, promise: nil)
  }

  deinit { end() }

  func end() {
    channel.triggerUserOutboundEvent(StreamEvent.ended, promise: nil)
    slots.giveBack(slot)
  }

  /// Cancels the work when its principal's token is revoked.
  ///
  /// - Returns: Whether the work came to its own end.
  func whileHeld(_ work: @escaping @Sendable () async -> Void) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        await work()
        return true
      }
      group.addTask { [ended] in
        for await _ in ended {}
        return Task.isCancelled
      }
      let isDone = await group.next() ?? true
      group.cancelAll()
      return isDone
    }
  }
}
