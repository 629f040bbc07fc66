import CLinux
import Faults
import Framing
import Logging
import NIOCore
import NIOPosix
import SocketPeer

/// Answers the node's requests; what they mean is the node's business.
package protocol NodeRequestHandling: Sendable {
  /// Answers a request that has one reply.
  func answer(_ request: NodeRequest) async -> NodeReply
  /// Serves a request that is a stream, up to and including its last frame.
  func serve(
    _ request: NodeRequest, input: AsyncStream<Frame>, output: @escaping @Sendable (Frame) async throws -> Void
  ) async throws
}

/// The node's Unix socket: lets in root, the control plane's user and, for `detect` alone, the sentinel's, by the kernel's
/// word (SO_PEERCRED).
package struct NodeServer: Sendable {
  private let socket: String
  private let allowedUsers: Set<UInt32>
  private let detectionUsers: Set<UInt32>
  private let handler: any NodeRequestHandling
  private let logger: Logger

  /// - Parameters:
  ///   - allowedUsers: who may ask everything but `detect`.
  ///   - detectionUsers: who may ask for `detect`.
  package init(
    socket: String, allowedUsers: Set<UInt32>, detectionUsers: Set<UInt32> = [], handler: any NodeRequestHandling,
    logger: Logger
  ) {
    self.socket = socket
    self.allowedUsers = allowedUsers
    self.detectionUsers = detectionUsers
    self.handler = handler
    self.logger = logger
  }

  /// Serves until cancelled.
  ///
  /// - Throws: `Fault(.failed)` when the socket cannot be bound.
  package func run() async throws {
    // Plain channels, wrapped by whoever serves them: one that was accepted and is never served, because the server
    // ends, must not be a wrapped one, whose unused writer would end the process. Nothing is read before.
    let server: NIOAsyncChannel<any Channel, Never>
    do {
      server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.backlog, value: 64)
        .childChannelOption(.autoRead, value: false)
        .bind(unixDomainSocketPath: socket, cleanupExistingSocketFile: true) { channel in
          channel.eventLoop.makeSucceededFuture(channel)
        }
    } catch {
      throw Fault(
        .failed, operation: "listen on \(socket)", reason: "the socket could not be bound",
        remedy: "check that the directory exists and no other platform uses it", cause: error)
    }
    // Whoever may connect is decided by peer credentials; the mode only lets the control plane reach the socket.
    chmod(socket, 0o666)
    try await withThrowingDiscardingTaskGroup { group in
      try await server.executeThenClose { connections in
        for try await connection in connections {
          group.addTask { await serve(connection) }
        }
      }
    }
  }

  private func serve(_ channel: any Channel) async {
    do {
      let user = try await peerUser(of: channel)
      let connection = try await channel.eventLoop.submit { try frameChannel(channel) }.get()
      try await channel.setOption(.autoRead, value: true).get()
      try await connection.executeThenClose { inbound, outbound in
        guard allowedUsers.contains(user) || detectionUsers.contains(user) else {
          return try await refuse(user, outbound)
        }
        try await converse(user, inbound, outbound)
        try await flush(channel)
      }
    } catch {
      logger.debug("Connection ended", metadata: ["error": "\(error)"])
    }
  }

  /// Returns when all that was written is the kernel's: closing the channel drops what is not.
  private func flush(_ channel: any Channel) async throws {
    let flushed = channel.eventLoop.flatSubmit {
      do {
        // Behind the encoder, whose frames are before it in the queue.
        let encoder = try channel.pipeline.syncOperations.context(handlerType: MessageToByteHandler<FrameEncoder>.self)
        return encoder.writeAndFlush(NIOAny(ByteBuffer()))
      } catch {
        return channel.eventLoop.makeFailedFuture(error)
      }
    }
    try await withTaskCancellationHandler {
      try await flushed.get()
    } onCancel: {
      channel.close(promise: nil)
    }
  }

  private func refuse(_ user: UInt32, _ outbound: NIOAsyncChannelOutboundWriter<Frame>) async throws {
    logger.warning("Connection refused", metadata: ["peer.uid": "\(user)"])
    let fault = Fault(
      .denied, operation: "ask the node", reason: "user id \(user) is not the control plane",
      remedy: "use the HTTP API")
    try await outbound.write(try Frame.json(.message, NodeReply.failed(fault)))
  }

  private func converse(
    _ user: UInt32, _ inbound: NIOAsyncChannelInboundStream<Frame>, _ outbound: NIOAsyncChannelOutboundWriter<Frame>
  ) async throws {
    var frames = inbound.makeAsyncIterator()
    guard let first = try await frames.next() else { return }
    let request: NodeRequest
    do {
      request = try first.decode(NodeRequest.self)
    } catch {
      let fault = Fault.wrap(error, operation: "read a request", remedy: "run the same version on both ends")
      return try await outbound.write(try Frame.json(.message, NodeReply.failed(fault)))
    }
    guard (request.isDetection ? detectionUsers : allowedUsers).contains(user) else {
      return try await refuse(user, outbound)
    }
    switch request {
    case .describe, .apply, .observe, .usage, .secretsChanged, .probeSecrets, .respond:
      try await outbound.write(try Frame.json(.message, await handler.answer(request)))
    case .exec, .logs, .detect:
      try await stream(request, from: frames, to: outbound)
    }
  }

  /// Serves a stream while watching the connection: when the other end goes away, the work is cancelled.
  private func stream(
    _ request: NodeRequest, from frames: sending NIOAsyncChannelInboundStream<Frame>.AsyncIterator,
    to outbound: NIOAsyncChannelOutboundWriter<Frame>
  ) async throws {
    let (input, feed) = AsyncStream.makeStream(of: Frame.self, bufferingPolicy: .bufferingOldest(64))
    let serving = Task {
      do {
        try await handler.serve(request, input: input) { try await outbound.write($0) }
      } catch {
        // The other end may be gone; then there is nobody to tell.
        try? await outbound.write(try Frame.fault(error, operation: "serve a stream"))
      }
    }
    let reading = Task {
      var frames = frames
      do {
        while let frame = try await frames.next() {
          // A full buffer refuses the frame: wait for the program to read, and with us the other end.
          while case .dropped = feed.yield(frame) { try await Task.sleep(for: .milliseconds(5)) }
        }
      } catch {
        logger.debug("Stream input ended", metadata: ["error": "\(error)"])
      }
      feed.finish()
      serving.cancel()
    }
    await withTaskCancellationHandler {
      await serving.value
      reading.cancel()
    } onCancel: {
      serving.cancel()
    }
  }

  private func peerUser(of channel: any Channel) async throws -> UInt32 {
    guard let credentials = try await PeerCredentials.of(channel) else {
      throw Fault(
        .denied, operation: "identify a peer", reason: "its connection has no credentials", remedy: "use a Unix socket")
    }
    return credentials.uid
  }
}

extension NodeRequest {
  fileprivate var isDetection: Bool {
    if case .detect = self { true } else { false }
  }
}
