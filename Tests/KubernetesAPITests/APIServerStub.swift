import CertificateAuthority
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

@testable import KubernetesAPI

/// A stub of an API server, for what a real one cannot be made to do: lists that expire between two pages, foreign
/// answers, lines that break off. It answers by a script.
final class APIServerStub: Sendable {
  struct Request: Sendable {
    var method: HTTPMethod
    var uri: String
    var headers: HTTPHeaders
  }

  struct Answer: Sendable {
    var code = 200
    var type = "application/json"
    var headers: [(String, String)] = []
    /// Sent one after the other.
    var pieces: [String] = []
    /// Whether the answer ends in order, or the connection does.
    var breaks = false
    /// Whether neither comes.
    var holds = false

    static func json(_ text: String) -> Answer { Answer(pieces: [text]) }

    static func status(_ code: Int, _ reason: String) -> Answer {
      Answer(
        code: code,
        pieces: [#"{"kind":"Status","apiVersion":"v1","code":\#(code),"reason":"\#(reason)","message":"told"}"#])
    }

    /// No answer at all.
    static let nothing = Answer(code: 0, breaks: true)
  }

  private let channel: any Channel
  private let log: Log

  private final class Log: Sendable {
    let requests = Mutex<[Request]>([])
    let written = Mutex(0)
  }

  /// - Parameter script: the answer to a request; the number counts them, from 0 on.
  static func with<Value>(
    _ script: @escaping @Sendable (Int, Request) -> Answer, _ body: (APIServerStub) async throws -> Value
  ) async throws -> Value {
    let stub = try await APIServerStub(script)
    let result: Result<Value, any Error>
    do { result = .success(try await body(stub)) } catch { result = .failure(error) }
    try await stub.channel.close()
    return try result.get()
  }

  private init(_ script: @escaping @Sendable (Int, Request) -> Answer) async throws {
    let context = try TestCertificate.tls
    let log = Log()
    self.log = log
    channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(
            Handler(log) { request in
              let number = log.requests.withLock {
                $0.append(request)
                return $0.count - 1
              }
              return script(number, request)
            })
        }
      }.bind(host: "127.0.0.1", port: 0).get()
  }

  var requests: [Request] { log.requests.withLock { $0 } }
  /// Pieces of answers that the kernel has taken.
  var written: Int { log.written.withLock { $0 } }

  func configuration(
    _ credentials: CredentialSource = CredentialSource(), host: String = "127.0.0.1", name: String? = nil,
    authority: String = TestCertificate.pem
  ) throws -> KubernetesConfiguration {
    KubernetesConfiguration(
      server: try ServerAddress("https://\(host):\(channel.localAddress?.port ?? 0)", operation: "test"),
      serverName: name, authority: .inline(SecretBytes(Array(authority.utf8))), credentials: credentials,
      origin: "the test")
  }

  /// Runs `body` with a client of it.
  func client<Value>(
    _ configuration: KubernetesConfiguration? = nil, patience: Duration = .seconds(20),
    _ body: (KubernetesClient) async throws -> Value
  ) async throws -> Value {
    try await KubernetesClient.with(configuration ?? self.configuration(), patience: patience, body)
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: (Request) -> Answer
    private var head: HTTPRequestHead?

    private let log: Log

    init(_ log: Log, _ answer: @escaping (Request) -> Answer) {
      self.log = log
      self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): self.head = head
      case .body: break
      case .end:
        guard let head else { return }
        write(answer(Request(method: head.method, uri: head.uri, headers: head.headers)), context)
      }
    }

    private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
      guard answer.code > 0 else { return context.close(promise: nil) }
      var headers = HTTPHeaders(answer.headers + [("Transfer-Encoding", "chunked")])
      if !answer.type.isEmpty { headers.add(name: "Content-Type", value: answer.type) }
      let head = HTTPResponseHead(
        version: .http1_1, status: HTTPResponseStatus(statusCode: answer.code), headers: headers)
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      for piece in answer.pieces {
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenSuccess { [log] in log.written.withLock { $0 += 1 } }
        // Without a flush the writes before the last would wait for it.
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: piece)))), promise: promise)
      }
      if answer.holds {
        context.flush()
      } else if answer.breaks {
        context.flush()
        context.close(promise: nil)
      } else {
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}

extension KubernetesClient {
  /// Runs `body` with a client.
  static func with<Value>(
    _ configuration: KubernetesConfiguration, fieldManager: String = "test", patience: Duration = .seconds(20),
    _ body: (KubernetesClient) async throws -> Value
  ) async throws -> Value {
    let client = try KubernetesClient(configuration, fieldManager: fieldManager, patience: patience)
    let result: Result<Value, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    try await client.shutdown()
    return try result.get()
  }
}
