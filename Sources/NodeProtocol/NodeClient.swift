import AgentModel
import Deadlines
import Faults
import Framing
import NIOCore
import NIOPosix
import SecretStore

/// Asks the node over its Unix socket: one connection a request.
package struct NodeClient: Sendable {
  private let socket: String
  /// Longest wait for the answer to a request that does not say how long it takes.
  private static let patience = Duration.seconds(10)

  package init(socket: String) { self.socket = socket }

  package func describe() async throws -> NodeDescription {
    guard case .described(let description) = try await ask(.describe) else { throw unexpected("describe the node") }
    return description
  }

  /// - Throws: `Fault(.conflict)` when the node already has a higher revision.
  package func apply(_ state: DesiredState) async throws {
    guard case .accepted = try await ask(.apply(state)) else { throw unexpected("apply the desired state") }
  }

  package func observe(after revision: UInt64, waitSeconds: Int) async throws -> ObservedState {
    let patience = Self.patience + .seconds(waitSeconds)
    let reply = try await ask(.observe(after: revision, waitSeconds: waitSeconds), patience: patience)
    guard case .observed(let state) = reply else { throw unexpected("observe the node") }
    return state
  }

  /// What the agents that run use of the machine.
  package func usage() async throws -> [AgentUsage] {
    guard case .used(let usage) = try await ask(.usage) else { throw unexpected("read what agents use") }
    return usage
  }

  /// Tells that a secret has another version, or none; answered when the agents that use it have it.
  package func secretsChanged(_ reference: SecretReference, in index: VaultIndex?) async throws {
    guard case .done = try await ask(.secretsChanged(reference, in: index)) else {
      throw unexpected("refresh a secret")
    }
  }

  /// Asks the secrets manager with an agent's own token.
  ///
  /// - Returns: the HTTP status of each answer.
  package func probeSecrets(_ probes: [VaultProbe], as agent: AgentID) async throws -> [Int] {
    let reply = try await ask(.probeSecrets(probes, as: agent), patience: .seconds(30))
    guard case .probed(let statuses) = reply, statuses.count == probes.count else {
      throw unexpected("ask the secrets manager as agent \(agent)")
    }
    return statuses
  }

  /// Has something done about a sandbox; returns when it is in force.
  ///
  /// - Throws: `Fault(.failed)` with the node's reason.
  package func respond(_ order: ResponseOrder) async throws {
    let operation = "\(order.response) sandbox \(order.container)"
    guard case .responded(let answer) = try await ask(.respond(order), patience: .seconds(25)) else {
      throw unexpected(operation)
    }
    guard let failure = answer.failure else { return }
    throw Fault(.failed, operation: operation, reason: failure, remedy: "see the log of the node, and try again")
  }

  /// Runs a program in an agent's sandbox; `output` gets its output and, last, an `exit` or `fault` frame.
  package func exec(
    uid: AgentUID, command: [String], env: [String: String], directory: String?, input: AsyncStream<Frame>,
    output: @escaping @Sendable (Frame) async throws -> Void
  ) async throws {
    try await converse(.exec(uid: uid, command: command, env: env, directory: directory)) { frames, writer in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for await frame in input { try await writer.write(frame) }
          // The input may end while the program still writes: say so, keep the connection.
          if !Task.isCancelled { try await writer.write(Frame(.endOfInput)) }
        }
        group.addTask {
          try await relay(frames, to: output, operation: "run \(command.first ?? "") in agent \(uid)")
          throw CancellationError()
        }
        do {
          while try await group.next() != nil {}
        } catch is CancellationError {
          group.cancelAll()
        }
      }
    }
    try Task.checkCancellation()
  }

  /// The agent's output: the last `tailBytes` and, when following, what comes until the caller is cancelled.
  package func logs(
    uid: AgentUID, tailBytes: Int, follow: Bool, output: @escaping @Sendable (Frame) async throws -> Void
  ) async throws {
    try await converse(.logs(uid: uid, tailBytes: tailBytes, follow: follow)) { frames, _ in
      try await relay(frames, to: output, operation: "read the log of agent \(uid)")
    }
  }

  /// Speaks with the node about its sandboxes until either end is gone or the caller is cancelled.
  ///
  /// - Parameters:
  ///   - messages: what the node is told.
  ///   - told: is called with what the node tells.
  /// - Throws: `Fault(.unavailable)` when the node is gone.
  package func detect(
    sending messages: AsyncStream<SentinelMessage>, _ told: @escaping @Sendable (DetectionMessage) async throws -> Void
  ) async throws {
    try await converse(.detect) { frames, writer in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for await message in messages { try await writer.write(try Frame.json(.message, message)) }
        }
        group.addTask {
          for try await frame in frames {
            if frame.kind == .fault { throw try frame.decode(Fault.self) }
            try await told(try frame.decode(DetectionMessage.self))
          }
          throw Fault(
            .unavailable, operation: "speak with the node", reason: "it closed the connection",
            remedy: "see the log of the node")
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
    try Task.checkCancellation()
  }

  private func ask(_ request: NodeRequest, patience: Duration = patience) async throws -> NodeReply {
    let late = Fault(
      .timedOut, operation: "ask the node", reason: "no answer within \(patience)", remedy: "see the log of the node")
    let reply = try await withDeadline(patience, orThrow: late) {
      try await converse(request) { frames, _ in
        for try await frame in frames { return try frame.decode(NodeReply.self) }
        throw Fault(
          .unavailable, operation: "ask the node", reason: "it closed the connection without an answer",
          remedy: "see the log of the node")
      }
    }
    if case .failed(let fault) = reply { throw fault }
    return reply
  }

  private func converse<Value: Sendable>(
    _ request: NodeRequest,
    _ body: @Sendable (NIOAsyncChannelInboundStream<Frame>, NIOAsyncChannelOutboundWriter<Frame>) async throws -> Value
  ) async throws -> Value {
    let channel: NIOAsyncChannel<Frame, Frame>
    do {
      channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connectTimeout(.seconds(5))
        .connect(unixDomainSocketPath: socket) { channel in
          channel.eventLoop.makeCompletedFuture { try frameChannel(channel) }
        }
    } catch {
      throw Fault(
        .unavailable, operation: "reach the node at \(socket)", reason: "nobody answers there",
        remedy: "start the platform with 'lobstack up'", cause: error)
    }
    return try await channel.executeThenClose { inbound, outbound in
      let message = try Frame.json(.message, request)
      do {
        try await outbound.write(message)
      } catch {
        // A node that turns a caller away answers and closes at once: its answer is the better reason, and what reads
        // the answers says so when there is none.
        try Task.checkCancellation()
      }
      return try await body(inbound, outbound)
    }
  }

  private func unexpected(_ operation: String) -> Fault {
    Fault(
      .failed, operation: operation, reason: "the node sent an answer of another kind",
      remedy: "run the same version of lobstack on both ends")
  }
}

/// Hands frames on up to and including the last one of the stream.
private func relay(
  _ frames: NIOAsyncChannelInboundStream<Frame>, to output: @Sendable (Frame) async throws -> Void, operation: String
) async throws {
  for try await frame in frames {
    try await output(frame)
    if frame.kind == .exit || frame.kind == .fault { return }
  }
  throw Fault(
    .unavailable, operation: operation, reason: "the node closed the stream before its end",
    remedy: "see the log of the node")
}

package func frameChannel(_ channel: any Channel) throws -> NIOAsyncChannel<Frame, Frame> {
  try channel.pipeline.syncOperations.addHandlers(
    ByteToMessageHandler(FrameDecoder()), MessageToByteHandler(FrameEncoder()))
  return try NIOAsyncChannel(
    wrappingChannelSynchronously: channel,
    configuration: .init(isOutboundHalfClosureEnabled: false, inboundType: Frame.self, outboundType: Frame.self))
}
