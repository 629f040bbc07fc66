import AsyncHTTPClient
import Faults
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ServerIdentities

/// A client of the Kubernetes API. Every method throws `Fault`, and `CancellationError` when the caller is cancelled.
///
/// What fails in passing is tried again, with pauses that have jitter and grow, until `patience` is over: all requests
/// that were not sent or are refused with 429 (a Retry-After is kept to), and of those that may be done twice also what
/// got no answer, or 500, 502, 503, 504. A create is never repeated that may have been done.
///
/// Codes of faults: `notFound` (no such object), `unsupported` (no such type), `alreadyExists`, `conflict`, `denied`,
/// `unauthenticated`, `invalid`, `expired` (410), `exhausted` (429, quota), `timedOut`, `unavailable`, `failed`.
///
/// Call `shutdown()` before letting go of a client.
package final class KubernetesClient: Sendable {
  package let configuration: KubernetesConfiguration
  /// Whose fields are those that this client applies.
  package let fieldManager: String
  let logger: Logger
  private let exchange: Exchange
  let dialer: WebSocketDialer
  private let credentials: Credentials
  private let patience: Duration

  /// Longest wait for one answer, above the 60 s that the API server gives itself for a request.
  static let answerLimit = Duration.seconds(65)

  /// - Parameters:
  ///   - fieldManager: a name for what makes the changes: the program, or a part of it.
  ///   - patience: how long a request is repeated that fails in passing.
  ///   - logger: is told what the server warns of.
  /// - Throws: `Fault` when the authority's file cannot be read or holds no certificate.
  package init(
    _ configuration: KubernetesConfiguration, fieldManager: String, patience: Duration = .seconds(30),
    logger: Logger = Logger(label: "lobstack.kubernetes") { _ in SwiftLogNoOpLogHandler() }
  ) throws {
    self.configuration = configuration
    self.fieldManager = fieldManager
    self.patience = patience
    self.logger = logger
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    if let authority = configuration.authority {
      tls.trustRoots = .certificates(try authority.checkCertificates(at: "the authority of \(configuration.origin)"))
    }
    credentials = Credentials(configuration.credentials, tls: tls, origin: configuration.origin)
    let agent = "lobstack/\(fieldManager)"
    exchange = Exchange(configuration, agent: agent, logger: logger)
    dialer = WebSocketDialer(configuration, agent: agent)
  }

  package func shutdown() async throws { try await exchange.shutdown() }

  /// Lets `body` use it, and shuts it down, whatever came of that: a failure of `body` is the one to tell.
  package func use<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    let result: Result<Value, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    try? await shutdown()  // as above
    return try result.get()
  }

  /// The text at a path of no type: `/version`, `/readyz`.
  package func text(at path: String) async throws -> String {
    String(decoding: try await send(APIRequest(reading: path)), as: UTF8.self)
  }

  /// One request with its answer, repeated as the plan allows.
  func send(_ request: APIRequest) async throws -> [UInt8] {
    let plan = RetryPlan(isIdempotent: request.isIdempotent)
    let deadline = ContinuousClock.now + patience
    var attempt = 0
    while true {
      attempt += 1
      let failure: RetryPlan.Failure
      let fault: Fault
      do {
        return try await authenticated { [self] in
          try await exchange.send(request, as: $0, limit: Self.answerLimit)
        }
      } catch {
        (failure, fault) = try judge(error, request)
      }
      let left = ContinuousClock.now.duration(to: deadline)
      guard let pause = plan.pause(after: failure, attempt: attempt, left: left, jitter: .random(in: 0...1)) else {
        throw fault
      }
      try await Task.sleep(for: pause)
    }
  }

  /// The lines of an answer that goes on, once: whoever watches goes on by itself.
  func lines(
    _ request: APIRequest, limit: Duration, receive: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws {
    do {
      try await authenticated { [self] in
        try await exchange.lines(request, as: $0, head: Self.answerLimit, limit: limit, receive: receive)
      }
    } catch {
      throw try judge(error, request).fault
    }
  }

  /// An answer that goes on, once, as it comes.
  func pieces(
    _ request: APIRequest, limit: Duration, receive: @escaping @Sendable (ByteBuffer) async throws -> Void
  ) async throws {
    do {
      try await authenticated { [self] in
        try await exchange.pieces(request, as: $0, head: Self.answerLimit, limit: limit, receive: receive)
      }
    } catch {
      throw try judge(error, request).fault
    }
  }

  /// With another credential, when there is one, where the first is refused.
  func authenticated<Answer>(_ body: (Authentication) async throws -> Answer) async throws -> Answer {
    let authentication = try await credentials.current()
    do { return try await body(authentication) } catch let refusal as Refusal where refusal.status.code == 401 {
      guard try await credentials.replace(authentication) else { throw refusal }
      return try await body(try await credentials.current())
    }
  }

  /// What a failure is to the plan and to the caller.
  ///
  /// - Throws: what is no failure of the request: a cancellation, a fault of the credential or of the receiver.
  func judge(_ error: any Error, _ request: APIRequest) throws -> (failure: RetryPlan.Failure, fault: Fault) {
    let (operation, server) = (request.operation, configuration.server)
    func unavailable(_ reason: String, _ remedy: String) -> Fault {
      Fault(.unavailable, operation: operation, reason: reason, remedy: remedy, cause: error)
    }
    switch error {
    case let refusal as Refusal:
      let status = refusal.status
      let failure: RetryPlan.Failure =
        status.isOfSchema ? .final : .refused(code: status.code, retryAfter: status.retryAfter)
      let fault = refusal.fault(operation, on: request.type)
      // It has waited for its etcd as long as it does.
      return (failure, fault.code == .timedOut ? overdue(request, cause: fault) : fault)
    case is Overdue: return (.unanswered, overdue(request))
    case is TornLine:
      return (
        .unanswered,
        Fault(
          .unavailable, operation: operation, reason: "the connection to \(server) ended within a line",
          remedy: "try again")
      )
    case let error as HTTPClientError where error == .cancelled: throw CancellationError()
    case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
      return (.unanswered, overdue(request))
    case is CancellationError, is Fault, is ReceiverError: throw error
    default: break
    }
    if ServerIdentity.isRefusal(error) {
      throw unavailable(
        "\(server) shows no certificate that \(configuration.origin) trusts for this name",
        "correct its certificate-authority, or set tls-server-name to a name of that certificate")
    }
    let text = unavailable(
      "the API server does not answer at \(server)",
      "check that it runs and is reached from here, and the server of \(configuration.origin)")
    return (Self.wasNotSent(error) ? .notSent : .unanswered, text)
  }

  private func overdue(_ request: APIRequest, cause: (any Error)? = nil) -> Fault {
    let reason = "\(configuration.server) does not answer in time"
    // A reading changes nothing: whoever waits for it may ask again. Not so what goes on until a limit.
    guard request.method != .GET || !request.isIdempotent else {
      return Fault(
        .unavailable, operation: request.operation, reason: reason,
        remedy: "try again; if it goes on, check the server's load and its etcd", cause: cause)
    }
    return Fault(
      .timedOut, operation: request.operation, reason: reason,
      remedy: "check its load and its etcd; whether a change was made is not known", cause: cause)
  }

  /// Whether there was no connection to send it on.
  private static func wasNotSent(_ error: any Error) -> Bool {
    switch error {
    case is NIOConnectionError: true
    case let error as HTTPClientError: error == .connectTimeout || error == .getConnectionFromPoolTimeout
    case let error as ChannelError: if case .connectTimeout = error { true } else { false }
    default: false
    }
  }
}
