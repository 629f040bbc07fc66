import APIModel
import AgentModel
import AsyncHTTPClient
import Faults
import NIOCore
import NIOHTTP1
import ServerIdentities

/// A web server that gets signed bodies by POST. A failure of TLS is one of the request.
actor SignedPost {
  /// Longest wait for an answer.
  private static let answerLimit = TimeAmount.seconds(10)
  private static let longestAnswer = 64 << 10

  nonisolated let url: WebhookURL
  private let secret: WebhookSecret
  /// What is posted, and the option that names the server, for failures.
  private let what: String
  private let option: String
  private let configuration: HTTPClient.Configuration
  /// `nil` until the first request.
  private var client: HTTPClient?

  /// - Parameter base: who is trusted: the system's authorities.
  init(
    _ url: WebhookURL, secret: WebhookSecret, what: String, option: String,
    base: HTTPClient.Configuration = HTTPClient.Configuration()
  ) {
    self.url = url
    self.secret = secret
    self.what = what
    self.option = option
    var configuration = base
    configuration.timeout.connect = .seconds(5)
    configuration.timeout.read = Self.answerLimit
    // Whoever posts does so again.
    configuration.connectionPool.retryConnectionEstablishment = false
    // Who is redirected to is not who was named.
    configuration.redirectConfiguration = .disallow
    configuration.requireServer(of: url.description)
    self.configuration = configuration
  }

  /// - Throws: `Fault(.invalid)` when the server will never take this body, else `Fault(.unavailable)`.
  func post(_ body: [UInt8], type: String) async throws {
    var request = HTTPClientRequest(url: url.description)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: type)
    request.headers.add(name: "User-Agent", value: "lobstack/\(LobstackVersion.current)")
    request.headers.add(name: "X-Lobstack-Signature", value: secret.signature(of: body))
    request.body = .bytes(ByteBuffer(bytes: body))
    let status: UInt
    do {
      let response = try await opened().execute(request, timeout: Self.answerLimit)
      status = response.status.code
      // Read to its end, so that the connection serves for the next one; what it says, and whether it ends, is nothing.
      _ = try? await response.body.collect(upTo: Self.longestAnswer)
    } catch {
      throw Fault(
        .unavailable, operation: "post \(what) to \(url)",
        reason: ServerIdentity.isRefusal(error)
          ? "it shows no certificate that is trusted here for this name" : "it does not answer",
        remedy: "start that server, or correct \(option)", cause: error)
    }
    guard !(200..<300).contains(status) else { return }
    throw Fault(
      Self.isFinal(status) ? .invalid : .unavailable, operation: "post \(what) to \(url)",
      reason: "it answers HTTP \(status)", remedy: "see that server's log")
  }

  func close() async {
    guard let client else { return }
    self.client = nil
    // Nothing waits for an answer any more.
    try? await client.shutdown()
  }

  /// What is wrong with this body stays wrong; a signature, a path or a load can be mended at the other side.
  private static func isFinal(_ status: UInt) -> Bool { [400, 413, 415, 422].contains(status) }

  private func opened() -> HTTPClient {
    if let client { return client }
    let opened = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    client = opened
    return opened
  }
}
