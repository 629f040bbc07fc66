import Faults
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS
import NIOWebSocket
import ServerIdentities

typealias WebSocket = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

/// Opens WebSockets to the API server (RFC 6455), each on a connection of its own. Neither retries nor faults.
struct WebSocketDialer: Sendable {
  /// Longest frame that is taken, in bytes; API servers send 32 KiB.
  static let longestFrame = 1 << 20
  private static let longestRefusal = 1 << 20

  private let configuration: KubernetesConfiguration
  private let agent: String

  init(_ configuration: KubernetesConfiguration, agent: String) {
    self.configuration = configuration
    self.agent = agent
  }

  private enum Answer: Sendable {
    case opened(WebSocket)
    case refused(NIOAsyncChannel<HTTPClientResponsePart, Never>)
  }

  /// The caller closes what it gets.
  ///
  /// - Parameter limit: of the opening.
  /// - Throws: `Refusal` for an answer that is none of a WebSocket; `OtherSubprotocol`; `Overdue`; what NIO throws.
  func open(
    _ request: APIRequest, subprotocol: String, as authentication: Authentication, limit: Duration
  ) async throws -> WebSocket {
    let deadline = ContinuousClock.now + limit
    let (channel, secured) = try await connect(authentication.tls)
    let late = channel.eventLoop.scheduleTask(in: TimeAmount(limit)) { channel.close(promise: nil) }
    defer { late.cancel() }
    return try await withTaskCancellationHandler {
      do {
        try await secured.get()
        // Nothing is said before it is known to whom.
        try await ServerIdentity(host: name).check(channel).get()
        try await Exchange.watchPeer(channel).get()
        switch try await upgrade(channel, head(request, subprotocol, authentication.token), subprotocol) {
        case .opened(let socket): return socket
        case .refused(let answer): throw try await Self.refusal(answer)
        }
      } catch {
        channel.close(promise: nil)
        try Task.checkCancellation()
        throw ContinuousClock.now < deadline ? error : Overdue()
      }
    } onCancel: {
      channel.close(promise: nil)
    }
  }

  /// Who the server's certificate has to be of.
  private var name: String { configuration.serverName ?? configuration.server.host }

  private func connect(_ tls: TLSConfiguration) async throws -> (any Channel, EventLoopFuture<Void>) {
    var tls = tls
    tls.applicationProtocols = ["http/1.1"]
    let context = try NIOSSLContext(configuration: tls)
    let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
    let hostname = isAddress ? nil : name
    return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.seconds(5))
      .connect(host: configuration.server.host, port: configuration.server.port ?? 443) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: hostname))
          let secured = channel.eventLoop.makePromise(of: Void.self)
          try channel.pipeline.syncOperations.addHandler(HandshakeWatch(secured))
          return (channel, secured.futureResult)
        }
      }
  }

  private func head(_ request: APIRequest, _ subprotocol: String, _ token: SecretBytes?) -> HTTPRequestHead {
    var host = name.contains(":") ? "[\(name)]" : name
    if let port = configuration.server.port { host += ":\(port)" }
    // What runs programs says of itself that it answers "*/*", and refuses who takes JSON alone with 406; refusals of
    // others are JSON to who prefers it.
    var headers: HTTPHeaders = [
      "Host": host, "User-Agent": agent, "Accept": "application/json, */*", "Content-Length": "0",
      "Sec-WebSocket-Protocol": subprotocol,
    ]
    if let token {
      headers.add(name: "Authorization", value: "Bearer \(String(decoding: token.secret, as: UTF8.self))")
    }
    return HTTPRequestHead(
      version: .http1_1, method: .GET, uri: configuration.server.prefix + request.target, headers: headers)
  }

  private func upgrade(
    _ channel: any Channel, _ head: HTTPRequestHead, _ subprotocol: String
  ) async throws -> Answer {
    let upgrader = NIOTypedWebSocketClientUpgrader<Answer>(
      maxFrameSize: Self.longestFrame,
      upgradePipelineHandler: { channel, answer in
        channel.eventLoop.makeCompletedFuture {
          guard answer.headers["Sec-WebSocket-Protocol"] == [subprotocol] else { throw OtherSubprotocol() }
          try channel.pipeline.syncOperations.addHandler(ControlFrames())
          return .opened(try WebSocket(wrappingChannelSynchronously: channel))
        }
      })
    var settings = NIOUpgradableHTTPClientPipelineConfiguration(
      upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration<Answer>(
        upgradeRequestHead: head, upgraders: [upgrader],
        notUpgradingCompletionHandler: { channel in
          channel.eventLoop.makeCompletedFuture {
            .refused(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
          }
        }))
    // The first frames may come with the answer.
    settings.leftOverBytesStrategy = .forwardBytes
    return try await channel.pipeline.configureUpgradableHTTPClientPipeline(configuration: settings).get().get()
  }

  private static func refusal(
    _ answer: NIOAsyncChannel<HTTPClientResponsePart, Never>
  ) async throws -> Refusal {
    try await answer.executeThenClose { inbound, _ in
      var head: HTTPResponseHead?
      var body: [UInt8] = []
      reading: for try await part in inbound {
        switch part {
        case .head(let told): head = told
        case .body(let piece):
          body += piece.readableBytesView
          // Of what is longer the status is all there is to tell.
          if body.count > longestRefusal { break reading }
        case .end: break reading
        }
      }
      guard let head else { throw ChannelError.eof }
      return Refusal(
        code: Int(head.status.code), mediaType: head.headers.first(name: "Content-Type") ?? "",
        retryAfter: head.headers.first(name: "Retry-After").flatMap { Int($0) },
        body: body.count > longestRefusal ? [] : body)
    }
  }
}

/// A server that does not speak what it was asked for.
struct OtherSubprotocol: Error {}

/// Tells when the connection is secured.
private final class HandshakeWatch: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let secured: EventLoopPromise<Void>

  init(_ secured: EventLoopPromise<Void>) { self.secured = secured }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted = event as? TLSUserEvent { secured.succeed() }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    secured.fail(error)
    context.fireErrorCaught(error)
  }

  func handlerRemoved(context: ChannelHandlerContext) { secured.fail(ChannelError.eof) }
}

/// Answers what a server says of the connection itself, and hands on what is said on it. A server that breaks the
/// protocol's rules is left.
final class ControlFrames: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  /// Which rule it broke.
  struct Violation: Error, Hashable, CustomStringConvertible {
    let description: String
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = Self.unwrapInboundIn(data)
    guard frame.maskKey == nil, frame.reservedBits.isEmpty else {
      return leave(context, "it sends frames that are masked, or of an extension")
    }
    switch frame.opcode {
    case .binary, .continuation: context.fireChannelRead(data)
    case .ping:
      // Nobody has to answer each, and what cannot be sent is not kept.
      guard context.channel.isWritable else { return }
      let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.data)
      context.writeAndFlush(Self.wrapOutboundOut(pong), promise: nil)
    case .pong: break
    case .connectionClose: context.close(promise: nil)
    default: leave(context, "it sends frames of a kind that is not known, or text")
    }
  }

  private func leave(_ context: ChannelHandlerContext, _ rule: String) {
    context.fireErrorCaught(Violation(description: rule))
    context.close(promise: nil)
  }
}
