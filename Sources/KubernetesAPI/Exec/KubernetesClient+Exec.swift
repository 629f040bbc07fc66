import Deadlines
import Faults
import NIOCore
import NIOHTTP1
import NIOWebSocket

extension KubernetesClient {
  /// Longest piece of a program's input that is sent at once, in bytes.
  private static let longestPiece = 64 << 10

  /// Runs a program in a Pod's container until it ends. A slow receiver holds the program back, and a program that does
  /// not read holds `input` back. Never repeated.
  ///
  /// The caller's cancellation, as any failure, closes the connection to the kubelet; whether that ends the program is
  /// its container runtime's to say.
  ///
  /// - Parameters:
  ///   - input: the program's standard input, whose end ends it.
  ///   - limit: of the whole.
  ///   - opened: called once a kubelet runs it, before it is given any input and anything of it is told; what it throws ends
  ///     it.
  /// - Returns: the program's exit code; 128 + signal where a signal ended it.
  /// - Throws: `Fault(.notFound)` when there is no such Pod, `Fault(.invalid)` when it has no such container that runs,
  ///   `Fault(.denied)`, `Fault(.failed)` when it cannot be run, `Fault(.timedOut)` at the limit, `Fault(.unavailable)`
  ///   when the connection breaks, `Fault(.unsupported)` of API servers older than Kubernetes 1.30. What `receive` throws
  ///   ends it.
  package func exec(
    _ command: [String], inPod name: String, namespace: String, container: String, limit: Duration,
    input: AsyncStream<ByteBuffer>, opened: @escaping @Sendable () async throws -> Void = {},
    receive: @escaping @Sendable (PodOutput) async throws -> Void
  ) async throws -> Int32 {
    let path = try ResourcePath(ResourceType(plural: "pods"), namespace: namespace, name: name, subresource: "exec")
    var request = try APIRequest(
      .GET, path,
      query: command.map { ("command", $0) } + [
        ("container", container), ("stdin", "true"), ("stdout", "true"), ("stderr", "true"),
      ], verb: "run a program by", isIdempotent: false)
    request.answersJSON = false
    let wanted = request
    do {
      return try await withDeadline(limit, orThrow: Overdue()) { [self] in
        try await authenticated { authentication in
          // In this task: a socket that nobody took, because a deadline was faster, would be one that nobody ends.
          let socket = try await dialer.open(
            wanted, subprotocol: ExecMessages.subprotocol, as: authentication, limit: Self.answerLimit)
          return try await Self.converse(socket, wanted.operation, input, opened, receive)
        }
      }
    } catch let failure as ReceiverError {
      throw failure.error
    } catch is OtherSubprotocol {
      throw Fault(
        .unsupported, operation: request.operation,
        reason: "the API server does not speak \(ExecMessages.subprotocol)", remedy: "update it to Kubernetes 1.30")
    } catch {
      throw try judge(error, request).fault
    }
  }

  private static func converse(
    _ socket: WebSocket, _ operation: String, _ input: AsyncStream<ByteBuffer>,
    _ opened: @Sendable () async throws -> Void, _ receive: @escaping @Sendable (PodOutput) async throws -> Void
  ) async throws -> Int32 {
    try await socket.executeThenClose { inbound, outbound in
      do { try await opened() } catch { throw ReceiverError(error: error) }
      return try await withThrowingTaskGroup(of: Int32?.self) { group in
        group.addTask {
          // A program may end without having read all; how it ended is told by the other way.
          try? await send(input, to: outbound)
          return nil
        }
        group.addTask { try await receiveAll(inbound, operation, receive) }
        defer { group.cancelAll() }
        while let code = try await group.next() { if let code { return code } }
        throw CancellationError()
      }
    }
  }

  private static func send(
    _ input: AsyncStream<ByteBuffer>, to outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
  ) async throws {
    func write(_ message: ByteBuffer) async throws {
      try await outbound.write(WebSocketFrame(fin: true, opcode: .binary, maskKey: .random(), data: message))
    }
    for await piece in input {
      var piece = piece
      while let part = piece.readSlice(length: min(piece.readableBytes, longestPiece)), part.readableBytes > 0 {
        try await write(ExecMessages.input(part))
      }
    }
    // The end of what was cancelled is not the input's.
    try Task.checkCancellation()
    try await write(ExecMessages.endOfInput)
  }

  private static func receiveAll(
    _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>, _ operation: String,
    _ receive: @Sendable (PodOutput) async throws -> Void
  ) async throws -> Int32 {
    var messages = ExecMessages()
    do {
      // The status may come before the last of the output: all is told once the connection has ended.
      for try await frame in inbound {
        guard
          let output = try messages.take(frame.data, continues: frame.opcode == .continuation, isLast: frame.fin)
        else { continue }
        do { try await receive(output) } catch { throw ReceiverError(error: error) }
      }
      try Task.checkCancellation()
    } catch let error where error is ExecMessages.Violation || error is ControlFrames.Violation {
      throw foreign("\(error)", operation)
    } catch let error as NIOWebSocketError {
      throw foreign(
        "it sends no frame of a WebSocket, or one of more than \(WebSocketDialer.longestFrame) bytes (\(error))",
        operation)
    } catch let error where error is ReceiverError || error is CancellationError {
      throw error
    } catch {
      // How the program ended is known, however the connection did: by a reset where not all input was read.
      guard messages.isEnded else { throw error }
    }
    return try messages.exitCode(operation)
  }

  private static func foreign(_ what: String, _ operation: String) -> Fault {
    Fault(
      .failed, operation: operation,
      reason: "what answers is no kubelet that speaks \(ExecMessages.subprotocol): \(what)",
      remedy: "check the Pod's node, and what stands between it and the API server")
  }
}
