import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// Stands between an operator and the API server, on the server's address: what is answered comes late, connections end,
/// or nobody is there.
final class ServerLink: Sendable {
  private struct State {
    var isOpen = true
    var channels: [ObjectIdentifier: any Channel] = [:]
  }

  private let state = Mutex(State())
  private let server: any Channel

  var port: Int { server.localAddress?.port ?? 0 }

  static func with<Value>(
    _ target: KubernetesServer, delay: TimeAmount = .zero, _ body: (ServerLink) async throws -> Value
  ) async throws -> Value {
    let link = try await ServerLink(target, delay: delay)
    let result: Result<Value, any Error>
    do { result = .success(try await body(link)) } catch { result = .failure(error) }
    link.isOpen = false
    try await link.server.close()
    return try result.get()
  }

  private init(_ target: KubernetesServer, delay: TimeAmount) async throws {
    let address = target.address
    let accepted = Accepted()
    server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { child in
        guard accepted.link.withLock({ $0?.take(child) ?? false }) else { return child.close() }
        return ClientBootstrap(group: child.eventLoop)
          .channelInitializer { answers in
            answers.eventLoop.makeCompletedFuture {
              try answers.pipeline.syncOperations.addHandler(Relay(to: child, delay: delay))
            }
          }
          .connect(host: address, port: KubernetesServer.port)
          .flatMapThrowing { answers in
            try child.pipeline.syncOperations.addHandler(Relay(to: answers, delay: .zero))
          }
      }.bind(host: address, port: 0).get()
    accepted.link.withLock { $0 = self }
  }

  /// What its connections are accepted by; there is none before it is there itself.
  private final class Accepted: Sendable {
    let link = Mutex<ServerLink?>(nil)
  }

  /// Whether anybody is let through. Closing it ends all connections.
  var isOpen: Bool {
    get { state.withLock { $0.isOpen } }
    set {
      state.withLock { $0.isOpen = newValue }
      if !newValue { cut() }
    }
  }

  /// Ends all connections, as a balancer does that is restarted; new ones are let through.
  func cut() {
    for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
  }

  private func take(_ channel: any Channel) -> Bool {
    let isTaken = state.withLock { state in
      if state.isOpen { state.channels[ObjectIdentifier(channel)] = channel }
      return state.isOpen
    }
    if isTaken {
      channel.closeFuture.whenComplete { [weak self] _ in
        self?.state.withLock { _ = $0.channels.removeValue(forKey: ObjectIdentifier(channel)) }
      }
    }
    return isTaken
  }

  private final class Relay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let delay: TimeAmount

    init(to other: any Channel, delay: TimeAmount) {
      self.other = other
      self.delay = delay
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      other.eventLoop.scheduleTask(in: delay) { [other] in other.writeAndFlush(bytes, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
      other.eventLoop.scheduleTask(in: delay) { [other] in other.close(promise: nil) }
    }
  }
}
