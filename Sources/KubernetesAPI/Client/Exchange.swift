import AsyncHTTPClient
import Deadlines
import Faults
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import ServerIdentities

/// Carries single requests to the API server: connections, TLS, bounds. Neither retries nor faults.
final class Exchange: Sendable {
  /// Longest answer that is kept, in bytes: a page of 500 objects of 1.5 MiB would be more, and no server gives that.
  static let longestAnswer = 256 << 20
  private static let longestRefusal = 1 << 20

  private let http: HTTPClient
  private let base: String
  private let agent: String
  private let logger: Logger

  init(_ configuration: KubernetesConfiguration, agent: String, logger: Logger) {
    var settings = HTTPClient.Configuration()
    settings.timeout.connect = .seconds(5)
    settings.connectionPool.retryConnectionEstablishment = false
    settings.connectionPool.idleTimeout = .seconds(30)
    // Each watch holds one, and a cluster of a hundred tenants has a thousand of them: a request that waits for one
    // fails, so that the bound is for what runs away alone.
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16_384
    // Who is redirected to is not who the kubeconfig names.
    settings.redirectConfiguration = .disallow
    // One connection for each watch: the socket holds the server back when a receiver is slow.
    settings.httpVersion = .http1Only
    let identity = ServerIdentity(host: configuration.serverName ?? configuration.server.host)
    settings.http1_1ConnectionDebugInitializer = { channel in
      identity.check(channel).flatMap { Self.watchPeer(channel) }
    }
    if let name = configuration.serverName { settings.dnsOverride = [name: configuration.server.host] }
    http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
    base = configuration.server.url(host: configuration.serverName ?? configuration.server.host)
    self.agent = agent
    self.logger = logger
  }

  func shutdown() async throws { try await http.shutdown() }

  /// Has the kernel find out that the server's machine is gone, while a watch has nothing to tell: within a minute.
  static func watchPeer(_ channel: any Channel) -> EventLoopFuture<Void> {
    func option(_ level: Int32, _ name: Int32) -> ChannelOptions.Types.SocketOption {
      ChannelOptions.Types.SocketOption(level: .init(rawValue: level), name: .init(rawValue: name))
    }
    let tcp = Int32(IPPROTO_TCP)
    return EventLoopFuture.andAllSucceed(
      [
        channel.setOption(option(SOL_SOCKET, SO_KEEPALIVE), value: 1),
        channel.setOption(option(tcp, Int32(TCP_KEEPIDLE)), value: 30),
        channel.setOption(option(tcp, Int32(TCP_KEEPINTVL)), value: 10),
        channel.setOption(option(tcp, Int32(TCP_KEEPCNT)), value: 3),
      ], on: channel.eventLoop)
  }

  /// The answer's body.
  ///
  /// - Throws: `Refusal` for an answer that is no success; what AsyncHTTPClient throws; `Overdue`.
  func send(_ request: APIRequest, as authentication: Authentication, limit: Duration) async throws -> [UInt8] {
    try await withDeadline(limit, orThrow: Overdue()) { [self] in
      let response = try await open(request, as: authentication, limit: limit)
      return Array(try await response.body.collect(upTo: Self.longestAnswer).readableBytesView)
    }
  }

  /// Hands on the lines of an answer as they come; a slow receiver holds the server back.
  ///
  /// - Parameter head: the longest wait for the answer's head.
  func lines(
    _ request: APIRequest, as authentication: Authentication, head: Duration, limit: Duration,
    receive: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws {
    try await withDeadline(limit, orThrow: Overdue()) { [self] in
      let response = try await open(request, as: authentication, limit: head)
      var splitter = LineSplitter()
      for try await piece in response.body {
        splitter.append(piece)
        while let line = try splitter.next() { try await receive(line) }
      }
      if splitter.isWithinLine { throw TornLine() }
    }
  }

  /// Hands on an answer as it comes; a slow receiver holds the server back.
  func pieces(
    _ request: APIRequest, as authentication: Authentication, head: Duration, limit: Duration,
    receive: @escaping @Sendable (ByteBuffer) async throws -> Void
  ) async throws {
    try await withDeadline(limit, orThrow: Overdue()) { [self] in
      let response = try await open(request, as: authentication, limit: head)
      for try await piece in response.body { try await receive(piece) }
    }
  }

  private func open(
    _ request: APIRequest, as authentication: Authentication, limit: Duration
  ) async throws -> HTTPClientResponse {
    var message = HTTPClientRequest(url: base + request.target)
    message.method = request.method
    message.tlsConfiguration = authentication.tls
    message.headers.add(name: "User-Agent", value: agent)
    message.headers.add(name: "Accept", value: "application/json")
    if let token = authentication.token {
      message.headers.add(name: "Authorization", value: "Bearer \(String(decoding: token.secret, as: UTF8.self))")
    }
    if let body = request.body {
      message.headers.add(name: "Content-Type", value: request.mediaType)
      message.body = .bytes(ByteBuffer(bytes: body))
    }
    let response = try await http.execute(message, timeout: .nanoseconds(limit.nanoseconds))
    for warning in response.headers[canonicalForm: "Warning"].prefix(8) {
      logger.notice(
        "The API server warns", metadata: ["operation": "\(request.operation)", "warning": "\(warning.prefix(400))"])
    }
    let type = response.headers.first(name: "Content-Type") ?? ""
    guard (200..<300).contains(response.status.code), !request.answersJSON || type.hasPrefix("application/json") else {
      // Of what is longer, or breaks off, the status is all there is to tell.
      let body = try? await response.body.collect(upTo: Self.longestRefusal)
      throw Refusal(
        code: Int(response.status.code), mediaType: type,
        retryAfter: response.headers.first(name: "Retry-After").flatMap { Int($0) },
        body: body.map { Array($0.readableBytesView) } ?? [])
    }
    return response
  }
}

/// No answer, or not all of it, in time.
struct Overdue: Error {}

/// A stream that ended within a line.
struct TornLine: Error {}

extension Duration {
  /// As far as they are counted: 292 years.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds > 9_000_000_000 ? .max : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
