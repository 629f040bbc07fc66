import Faults
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

extension KubernetesClient {
  /// Reaches a port of a Pod from this machine while `body` runs, as `kubectl port-forward` does: by the API server and the
  /// kubelet, past every NetworkPolicy. Each connection to the local port becomes one to the Pod's.
  ///
  /// Where the kubelet cannot connect, or the API server refuses, the local connection is closed without a word.
  ///
  /// - Parameter body: is given the port of 127.0.0.1.
  /// - Throws: what `body` throws; `Fault(.unavailable)` when there is no port to listen on.
  package func withPort<Value: Sendable>(
    _ port: UInt16, ofPod name: String, namespace: String, body: @escaping @Sendable (UInt16) async throws -> Value
  ) async throws -> Value {
    let path = try ResourcePath(
      ResourceType(plural: "pods"), namespace: namespace, name: name, subresource: "portforward")
    var request = try APIRequest(
      .GET, path, query: [("ports", "\(port)")], verb: "reach a port of", isIdempotent: false)
    request.answersJSON = false
    let wanted = request
    let listener: NIOAsyncChannel<Local, Never>
    do {
      listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .bind(host: "127.0.0.1", port: 0) { channel in
          channel.eventLoop.makeCompletedFuture { try Local(wrappingChannelSynchronously: channel) }
        }
    } catch {
      throw Fault(
        .unavailable, operation: request.operation, reason: "there is no port to listen on", remedy: "try again",
        cause: error)
    }
    let local = UInt16(listener.channel.localAddress?.port ?? 0)
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask {
        try await listener.executeThenClose { connections in
          try await withThrowingDiscardingTaskGroup { group in
            for try await connection in connections {
              // The other side sees that it was closed, which is all that it can be told.
              group.addTask { try? await self.carry(connection, wanted) }
            }
          }
        }
        return nil
      }
      group.addTask { try await body(local) }
      defer { group.cancelAll() }
      while let value = try await group.next() { if let value { return value } }
      throw CancellationError()
    }
  }

  private typealias Local = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  /// Either side's end is that of both: the protocol knows no other.
  private func carry(_ connection: Local, _ request: APIRequest) async throws {
    try await connection.executeThenClose { inbound, outbound in
      try await authenticated { authentication in
        let socket = try await dialer.open(
          request, subprotocol: PortMessages.subprotocol, as: authentication, limit: Self.answerLimit)
        try await socket.executeThenClose { frames, out in
          try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
              for try await piece in inbound {
                let message = PortMessages.data(piece)
                try await out.write(WebSocketFrame(fin: true, opcode: .binary, maskKey: .random(), data: message))
              }
            }
            group.addTask {
              var messages = PortMessages()
              for try await frame in frames {
                let piece = try messages.take(
                  frame.data, continues: frame.opcode == .continuation, isLast: frame.fin)
                if let piece { try await outbound.write(piece) }
              }
            }
            defer { group.cancelAll() }
            try await group.next()
          }
        }
      }
    }
  }
}
