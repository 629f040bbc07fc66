import CertificateAuthority
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

@testable import KubernetesAPI

/// A stub of an API server that runs programs, for what a real kubelet cannot be made to say.
final class ExecStub: Sendable {
  struct Script: Sendable {
    var subprotocol: String? = ExecMessages.subprotocol
    /// Sent at once.
    var frames: [WebSocketFrame] = []
    /// Whether the connection is closed when the input's end has come, or goes on.
    var closes = true
  }

  private final class Log: Sendable {
    let input = Mutex<[[UInt8]]>([])
    let uris = Mutex<[String]>([])
    let ended = AsyncStream.makeStream(of: Void.self)
  }

  private let channel: any Channel
  private let log: Log

  static func with<Value>(_ script: Script, _ body: (ExecStub) async throws -> Value) async throws -> Value {
    let stub = try await ExecStub(script)
    let result: Result<Value, any Error>
    do { result = .success(try await body(stub)) } catch { result = .failure(error) }
    try await stub.channel.close()
    return try result.get()
  }

  private init(_ script: Script) async throws {
    let context = try TestCertificate.tls
    let log = Log()
    self.log = log
    channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 20,
            shouldUpgrade: { channel, head in
              log.uris.withLock { $0.append(head.uri) }
              let spoken = script.subprotocol.map { [("Sec-WebSocket-Protocol", $0)] } ?? []
              let headers: HTTPHeaders? = HTTPHeaders(spoken)
              return channel.eventLoop.makeSucceededFuture(headers)
            },
            upgradePipelineHandler: { channel, _ in
              channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Handler(script, log))
              }
            })
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
        }
      }.bind(host: "127.0.0.1", port: 0).get()
  }

  /// What came on the channel of the input, message by message, and what ended it.
  var input: [[UInt8]] { log.input.withLock { $0 } }
  var uris: [String] { log.uris.withLock { $0 } }

  /// Returns when a client's connection has ended.
  func ended() async { for await _ in log.ended.stream { return } }

  func client<Value>(_ body: (KubernetesClient) async throws -> Value) async throws -> Value {
    try await KubernetesClient.with(
      KubernetesConfiguration(
        server: try ServerAddress("https://127.0.0.1:\(channel.localAddress?.port ?? 0)", operation: "test"),
        authority: .inline(SecretBytes(Array(TestCertificate.pem.utf8))), origin: "the test"), body)
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let script: Script
    private let log: Log

    init(_ script: Script, _ log: Log) { (self.script, self.log) = (script, log) }

    func handlerAdded(context: ChannelHandlerContext) {
      for frame in script.frames { context.write(wrapOutboundOut(frame), promise: nil) }
      context.flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let frame = unwrapInboundIn(data)
      guard frame.opcode == .binary, frame.maskKey != nil else { return }
      let message = Array(frame.unmaskedData.readableBytesView)
      log.input.withLock { $0.append(message) }
      if message == [255, 0], script.closes { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { log.ended.continuation.yield() }
  }
}
