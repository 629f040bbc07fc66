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

  /// Bytes of a command that its audit record shows at most.
  private static let shownCommand = 512

  // MARK: Exec

  @Sendable private func exec(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try agentID(context)
    let operation = "run a program in agent \(id)"
    let stored = try await agents.find(id, .change, by: principal, operation: operation)
    try view.requireReachable(operation: operation)
    let (wanted, input) = try await ExecInput.open(request.body, operation: operation)
    let event = AuditEvent(
      actor: principal.name, action: "agent.exec", target: "agent \(id)", outcome: "allowed",
      details: [
        "uid": "\(stored.uid)", "command": shortened(wanted.command.joined(separator: " "), bytes: Self.shownCommand),
        "env": nameList(wanted.env.keys),
      ])
    let lease = try StreamLease(streams, principal, context, operation: operation)
    try await audit.require(event)
    return frameResponse(lease, input: input) { sink in
      let ending = await run(wanted, in: stored, input: input, sink: sink)
      var outcome = event
      outcome.outcome = ending
      await audit.note(outcome)
    }
  }

  /// - Returns: how the execution ended, for the audit record.
  private func run(_ wanted: ExecRequest, in stored: StoredAgent, input: ExecInput, sink: StreamSink) async -> String {
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await node.exec(
            uid: stored.uid, command: wanted.command, env: wanted.env, directory: wanted.directory,
            input: input.frames, output: sink.send)
        }
        // A client that is gone takes its program with it.
        group.addTask { try await input.lost() }
        defer { group.cancelAll() }
        try await group.next()
      }
      return sink.exitCode.map { "exited \($0)" } ?? "failed"
    } catch let fault as Fault {
      await sink.fail(fault)
      return "failed"
    } catch {
      // A client that has its exit code may leave before the node's connection has ended.
      if let code = sink.exitCode { return "exited \(code)" }
      await sink.fail(
        Fault(
          .unavailable, operation: "run a program in agent \(stored.id)", reason: "the stream was cut off",
          remedy: "try again"))
      return "cut off"
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

  /// What nobody reads would keep the end of the connection from being seen.
  func requireNoBody(_ request: Request, operation: String) throws {
    guard (request.headers[.contentLength] ?? "0") == "0", request.headers[.transferEncoding] == nil else {
      throw Fault(.invalid, operation: operation, reason: "the request has a body", remedy: "send none")
    }
  }

  /// Like `frameResponse`, of events.
  func eventResponse(
    _ lease: StreamLease, _ produce: @escaping @Sendable (EventSink) async -> Void
  ) -> Response {
    Response(
      status: .ok,
      headers: [.contentType: APIProtocol.eventMediaType, .cacheControl: "no-store", .connection: "close"],
      body: ResponseBody { writer in
        defer { lease.end() }
        let sink = EventSink(writer)
        if await lease.whileHeld({ await produce(sink) }) == false { await sink.fail(Self.revoked) }
        try await sink.finish()
      })
  }

  private static var revoked: Fault {
    Fault(
      .unauthenticated, operation: "go on with a stream", reason: "the token was revoked",
      remedy: "ask an administrator for another")
  }

  /// An answer whose body `produce` writes; gives the stream's slot back at its end.
  ///
  /// The last on its connection. Of a request that has a body, the answer ends after it: an HTTP client or proxy may
  /// drop what it has not passed on of an answer when the connection is closed under its request.
  private func frameResponse(
    _ lease: StreamLease, framed: Bool = true, input: ExecInput? = nil,
    _ produce: @escaping @Sendable (StreamSink) async -> Void
  ) -> Response {
    Response(
      status: .ok,
      headers: [
        .contentType: framed ? APIProtocol.streamMediaType : "text/plain; charset=utf-8", .cacheControl: "no-store",
        .connection: "close",
      ],
      body: ResponseBody { writer in
        defer { lease.end() }
        let reading = Task { await input?.read() }
        defer { reading.cancel() }
        let sink = StreamSink(writer, framed: framed)
        try await sink.open()
        if await lease.whileHeld({ await produce(sink) }) == false {
          // The work was cancelled, and with that could not say so itself.
          await sink.fail(Self.revoked)
        }
        await input?.dropped()
        try await sink.finish()
        lease.end()
        // A client that goes on sending is cut off.
        let limit = Task {
          try await Task.sleep(for: .seconds(10))
          reading.cancel()
        }
        defer { limit.cancel() }
        await withTaskCancellationHandler {
          await reading.value
        } onCancel: {
          reading.cancel()
        }
      })
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
