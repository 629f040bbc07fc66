import CertificateAuthority
import Foundation
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// A web server of this machine with a certificate for the given names, HTTP/2 and HTTP/1.1 as clients like; it answers
/// everything with one object of Kubernetes, and counts.
final class TLSServer: Sendable {
  let port: Int
  /// Who vouches for it, PEM.
  let issuer: String
  private let listener: any Channel
  private let count: Counter

  private final class Counter: Sendable {
    let requests = Mutex(0)
  }

  static func with<Value>(
    names: [String], at address: String = "127.0.0.1", _ body: (TLSServer) async throws -> Value
  ) async throws -> Value {
    let server = try await TLSServer(names: names, address: address)
    let result: Result<Value, any Error>
    do { result = .success(try await body(server)) } catch { result = .failure(error) }
    try await server.listener.close()
    return try result.get()
  }

  private init(names: [String], address: String) async throws {
    let certificate = try StandaloneServer(
      names: names.compactMap { ServerName($0) }, issuerName: "Test", life: .seconds(86_400), at: .now)
    issuer = certificate.issuer
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(certificate.chain.utf8)).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(certificate.secretKeyPEM.utf8), format: .pem)))
    configuration.applicationProtocols = ["h2", "http/1.1"]
    let context = try NIOSSLContext(configuration: configuration)
    let count = Counter()
    self.count = count
    listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }.flatMap {
          channel.configureCommonHTTPServerPipeline { stream in
            stream.eventLoop.makeCompletedFuture { try stream.pipeline.syncOperations.addHandler(Handler(count)) }
          }
        }
      }.bind(host: address, port: 0).get()
    port = listener.localAddress?.port ?? 0
  }

  var requests: Int { count.requests.withLock { $0 } }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let count: Counter

    init(_ count: Counter) { self.count = count }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .end = unwrapInboundIn(data) else { return }
      count.requests.withLock { $0 += 1 }
      let body = #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"a"}}"#
      let headers: HTTPHeaders = ["content-type": "application/json", "content-length": "\(body.utf8.count)"]
      context.write(
        wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers))), promise: nil)
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}
