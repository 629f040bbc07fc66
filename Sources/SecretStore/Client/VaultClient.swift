import AsyncHTTPClient
import Faults
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import ServerIdentities
import Synchronization
import Turns

/// Speaks Vault's HTTP API with OpenBao or HashiCorp Vault. Every method throws `Fault`; none holds a secret.
///
/// What fails in passing (a node that is down, a change of the leader) is tried again, at the next node, until
/// `patience` is over. Reads see what this client wrote before, whichever node answers them.
///
/// Call `shutdown()` before letting go of a client.
package final class VaultClient: Sendable {
  package let address: VaultAddress
  /// One for each node, in the order of the address: its certificate has to be for the name of that node.
  private let clients: [HTTPClient]
  private let turn: Turn
  private let patience: Duration
  private let state = Mutex(State())
  let logger: Logger

  private struct State {
    /// The node that answered last, by its place in the address.
    var node = 0
    /// The newest state of the store that was seen.
    var index: VaultIndex?
  }

  /// Longest wait for one answer.
  private static let answerLimit = TimeAmount.seconds(10)
  /// Longest answer but a snapshot's.
  private static let longestAnswer = 32 << 20
  private static let mostAtOnce = 32

  /// - Parameters:
  ///   - patience: how long a request is repeated that fails in passing.
  ///   - logger: is told what the server warns of.
  package init(
    address: VaultAddress, patience: Duration = .seconds(5),
    logger: Logger = Logger(label: "lobstack.vault") { _ in SwiftLogNoOpLogHandler() }
  ) {
    self.address = address
    self.patience = patience
    self.logger = logger
    turn = Turn(places: Self.mostAtOnce)
    var configuration = HTTPClient.Configuration()
    configuration.timeout.connect = .seconds(3)
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.redirectConfiguration = .disallow
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    if let roots = address.roots {
      // Text that holds no certificate leaves no root, and every connection is refused with that reason.
      tls.trustRoots = .certificates((try? NIOSSLCertificate.fromPEMBytes(Array(roots.utf8))) ?? [])
    }
    configuration.tlsConfiguration = tls
    clients = address.nodes.map { node in
      var configuration = configuration
      if case .https(let url) = node { configuration.requireServer(of: url) }
      return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
  }

  package func shutdown() async throws { for client in clients { try await client.shutdown() } }

  /// The newest state of the store that this client has seen; `nil` from a server that tells none.
  package var index: VaultIndex? { state.withLock { $0.index } }

  /// From here on this client reads nothing older: what somebody else wrote, who has told.
  package func see(_ index: VaultIndex) {
    state.withLock { $0.index = index.isOlder(than: $0.index) ? $0.index : index }
  }

  /// One request with its answer.
  ///
  /// - Parameter operation: what errors call it; by default the method and the path, which name no secret.
  func call<Content: Decodable & Sendable>(
    _ method: HTTPMethod, _ path: String, query: String = "", _ body: (some Encodable & Sendable)? = nil as String?,
    token: VaultToken?, wrapping: Duration? = nil, operation: String? = nil
  ) async throws -> VaultReply<Content> {
    let operation = operation ?? "\(method.rawValue.lowercased()) \(path)"
    let bytes = try await send(
      method, path, query: query, body: try body.map { Array(try JSONEncoder().encode($0)) }, token: token,
      wrapping: wrapping, operation: operation)
    // 204 has no body; as an envelope it is an empty one.
    do {
      let reply = try JSONDecoder().decode(
        VaultReply<Content>.self, from: bytes.isEmpty ? Data("{}".utf8) : Data(bytes))
      for warning in reply.warnings ?? [] {
        logger.warning("The secrets manager warns", metadata: ["path": "\(path)", "warning": "\(warning)"])
      }
      return reply
    } catch {
      // What the decoder says may quote the answer.
      throw Fault(
        .failed, operation: operation, reason: "the answer of \(address) is not that of Vault's API",
        remedy: "check the address, and the version of the secrets manager")
    }
  }

  /// The answer's `data`.
  func content<Content: Decodable & Sendable>(
    _ method: HTTPMethod, _ path: String, query: String = "", _ body: (some Encodable & Sendable)? = nil as String?,
    token: VaultToken?, operation: String? = nil
  ) async throws -> Content {
    let reply: VaultReply<Content> = try await call(
      method, path, query: query, body, token: token, operation: operation)
    guard let content = reply.data else {
      throw Fault(
        .failed, operation: operation ?? "\(method.rawValue.lowercased()) \(path)",
        reason: "the answer of \(address) holds no data", remedy: "check the version of the secrets manager")
    }
    return content
  }

  /// The bytes of the answer, whatever they are.
  func send(
    _ method: HTTPMethod, _ path: String, query: String = "", body: [UInt8]? = nil, token: VaultToken?,
    wrapping: Duration? = nil, longest: Int = longestAnswer, limit: TimeAmount = answerLimit, operation: String
  ) async throws -> [UInt8] {
    try requirePlain(path, operation: operation)
    return try await turn.take { [self] in
      let deadline = ContinuousClock.now + patience
      var pause = Duration.milliseconds(20)
      while true {
        let node = state.withLock { $0.node } % address.nodes.count
        let failure: Fault
        switch try await attempt(
          request(method, path, query, at: address.nodes[node], body: body, token: token, wrapping: wrapping),
          at: node, longest: longest, limit: limit, operation: operation)
        {
        case .success(let bytes): return bytes
        case .failure(let passing): failure = passing
        }
        guard ContinuousClock.now + pause < deadline else { throw failure }
        state.withLock { if $0.node == node { $0.node = node + 1 } }
        try await Task.sleep(for: pause * Double.random(in: 0.5...1))
        pause = min(pause * 2, .milliseconds(500))
      }
    }
  }

  /// - Returns: the answer, or why there is none that trying again may give.
  private func attempt(
    _ request: HTTPClientRequest, at node: Int, longest: Int, limit: TimeAmount, operation: String
  ) async throws -> Result<[UInt8], Fault> {
    let refusal: VaultRefusal?
    let bytes: [UInt8]
    do {
      (refusal, bytes) = try await exchange(request, at: node, longest: longest, limit: limit)
    } catch let error as CancellationError {
      throw error
    } catch {
      let failure = unreachable(address.nodes[node], operation, error)
      // The time of an answer that does not come is over by then.
      if case .deadlineExceeded? = error as? HTTPClientError { throw failure }
      return .failure(failure)
    }
    guard let refusal else { return .success(bytes) }
    let failure = refusal.fault(operation)
    guard refusal.isPassing else { throw failure }
    return .failure(failure)
  }

  /// The status of the answer, whatever it is.
  func status(
    _ method: HTTPMethod, _ path: String, query: String, body: [UInt8]?, token: VaultToken?
  ) async throws -> Int {
    let operation = "\(method.rawValue.lowercased()) \(path)"
    try requirePlain(path, operation: operation)
    let node = state.withLock { $0.node } % address.nodes.count
    do {
      let (refusal, _) = try await exchange(
        request(method, path, query, at: address.nodes[node], body: body, token: token, wrapping: nil), at: node,
        longest: Self.longestAnswer, limit: Self.answerLimit)
      return refusal?.status ?? 200
    } catch {
      throw unreachable(address.nodes[node], operation, error)
    }
  }

  private func exchange(
    _ request: HTTPClientRequest, at node: Int, longest: Int, limit: TimeAmount
  ) async throws -> (refusal: VaultRefusal?, bytes: [UInt8]) {
    let response = try await clients[node].execute(request, timeout: limit)
    if let text = response.headers.first(name: VaultIndex.header) { see(VaultIndex(text)) }
    let bytes = Array(try await response.body.collect(upTo: longest).readableBytesView)
    let status = Int(response.status.code)
    return ((200..<300).contains(status) ? nil : VaultRefusal(status: status, body: bytes), bytes)
  }

  private func request(
    _ method: HTTPMethod, _ path: String, _ query: String, at node: VaultAddress.Node, body: [UInt8]?,
    token: VaultToken?, wrapping: Duration?
  ) -> HTTPClientRequest {
    let base =
      switch node {
      case .unix(let socket): "http+unix://\(socket.utf8.map(Self.escaped).joined())"
      case .https(let url): url
      }
    var request = HTTPClientRequest(url: "\(base)/v1/\(path)\(query.isEmpty ? "" : "?\(query)")")
    request.method = method
    // The name of a socket is no name of a host, which Go's servers look at.
    if case .unix = node { request.headers.add(name: "Host", value: "localhost") }
    // Without it a listener may refuse, which keeps other programs from being made to send requests.
    request.headers.add(name: "X-Vault-Request", value: "true")
    if let token { request.headers.add(name: "X-Vault-Token", value: token.secret) }
    if let namespace = address.namespace { request.headers.add(name: "X-Vault-Namespace", value: namespace) }
    if let wrapping { request.headers.add(name: "X-Vault-Wrap-TTL", value: "\(wrapping.components.seconds)s") }
    if let index {
      request.headers.add(name: VaultIndex.header, value: index.text)
      request.headers.add(name: "X-Vault-Inconsistent", value: "forward-active-node")
    }
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    return request
  }

  /// Every byte that is not a letter or digit (RFC 3986 §2.1).
  private static func escaped(_ byte: UInt8) -> String {
    let scalar = Unicode.Scalar(byte)
    if scalar.isASCII, scalar.properties.isAlphabetic || scalar.properties.numericType != nil { return "\(scalar)" }
    return byte < 16 ? "%0\(String(byte, radix: 16))" : "%\(String(byte, radix: 16))"
  }

  /// A path of our own making or an operator's: what a server would clean, decode or take as a pattern is refused.
  private func requirePlain(_ path: String, operation: String) throws {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false)
    let isPlain = { (byte: UInt8) in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.allSatisfy(isPlain) }) else {
      throw Fault(
        .invalid, operation: operation.count > 200 ? "\(operation.prefix(200))…" : operation,
        reason: "the path has an empty, '.' or '..' part, or other bytes than letters, digits, '-', '_' and '.'",
        remedy: "use a plain name")
    }
  }

  private func unreachable(_ node: VaultAddress.Node, _ operation: String, _ error: any Error) -> Fault {
    if let error = error as? IOError, error.errnoCode == EACCES {
      return Fault(
        .denied, operation: operation, reason: "this user may not open \(node)", remedy: "run the command with sudo")
    }
    let reason =
      switch error as? HTTPClientError {
      case .deadlineExceeded?, .readTimeout?: "\(node) does not answer in time"
      default:
        error is NIOSSLError || ServerIdentity.isRefusal(error)
          ? "\(node) shows no certificate that is trusted here for this name"
          : "the secrets manager does not answer at \(node)"
      }
    return Fault(
      .unavailable, operation: operation, reason: reason,
      remedy: "see 'lobstack vault status' and the log of the secrets manager", cause: error)
  }
}
