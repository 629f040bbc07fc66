import APIModel
import AgentModel
import AsyncHTTPClient
import Deadlines
import Faults
import FoundationEssentials
import Framing
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import ServerIdentities
import TextEncodings

/// A request's body with what it is.
struct Body: Sendable {
  var bytes: [UInt8]
  var mediaType: String

  static func json(_ value: some Encodable) throws -> Body {
    Body(bytes: try APIJSON.encode(value), mediaType: "application/json")
  }
}

/// A failure of what the caller does with the stream, to be told from a failure of the stream.
private struct CallerError: Error {
  let error: any Error
}

/// Carries requests to the API and turns whatever goes wrong into a fault.
final class Transport: Sendable {
  /// Longest wait for a whole answer that is not a stream, and for the head of one that is.
  static let answerLimit = Duration.seconds(35)
  /// Longest time in which nothing comes of a stream of events, which has a heartbeat every 15 s.
  static let silenceLimit = Duration.seconds(45)
  /// Longest answer that is not a stream.
  static let longestAnswer = 16 << 20

  private let client: HTTPClient
  private let address: APIClient.Address
  private let token: @Sendable () -> String?

  init(address: APIClient.Address, at place: String? = nil, token: @escaping @Sendable () -> String?) {
    self.address = address
    self.token = token
    var configuration = HTTPClient.Configuration()
    configuration.timeout.connect = .seconds(5)
    configuration.connectionPool.retryConnectionEstablishment = false
    // Each stream that is followed holds one, and no request must wait for the end of a stream.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1_024
    configuration.redirectConfiguration = .disallow
    if case .gateway(let url, let roots) = address {
      var tls = TLSConfiguration.makeClientConfiguration()
      tls.minimumTLSVersion = .tlsv13
      if let roots {
        // Text that holds no certificate leaves no root, and every connection is refused with that reason.
        tls.trustRoots = .certificates((try? NIOSSLCertificate.fromPEMBytes(Array(roots.utf8))) ?? [])
      }
      configuration.tlsConfiguration = tls
      configuration.requireServer(of: url)
      if let place, let name = URL(string: url)?.host { configuration.dnsOverride = [name: place] }
    }
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  func shutdown() async throws { try await client.shutdown() }

  func call<Answer: Decodable & Sendable>(
    _ method: HTTPMethod, _ path: String, query: [(String, String?)] = [], headers: [(String, String)] = [],
    body: Body? = nil, operation: String
  ) async throws -> Answer {
    let bytes = try await send(method, path, query: query, headers: headers, body: body, operation: operation)
    do { return try APIJSON.decode(Answer.self, from: bytes) } catch {
      throw Fault(
        .failed, operation: operation, reason: "the answer is not the JSON that this version expects",
        remedy: "use client and platform of the same version", cause: error)
    }
  }

  @discardableResult
  func send(
    _ method: HTTPMethod, _ path: String, query: [(String, String?)] = [], headers: [(String, String)] = [],
    body: Body? = nil, operation: String
  ) async throws -> [UInt8] {
    var request = request(method, path, query: query, headers: headers)
    if let body {
      request.headers.replaceOrAdd(name: "Content-Type", value: body.mediaType)
      request.body = .bytes(ByteBuffer(bytes: body.bytes))
    }
    return try await guarded(operation) { [client, request] in
      try await withDeadline(Self.answerLimit, operation: operation) {
        let response = try await client.execute(request, timeout: .seconds(35))
        let bytes = Array(try await response.body.collect(upTo: Self.longestAnswer).readableBytesView)
        guard (200..<300).contains(response.status.code) else {
          throw Self.fault(response, bytes, operation: operation)
        }
        return bytes
      }
    }
  }

  /// Sends frames (if `first` is given) and receives frames until the exit frame or the end of the answer.
  /// - Returns: the exit frame's code, `nil` when the answer ended without one.
  func stream(
    _ path: String, query: [(String, String?)] = [], first: Frame? = nil,
    input: AsyncStream<[UInt8]> = AsyncStream { $0.finish() }, operation: String,
    receive: @escaping @Sendable (Frame) async throws -> Void
  ) async throws -> Int32? {
    var request = request(first == nil ? .GET : .POST, path, query: query)
    request.headers.replaceOrAdd(name: "Accept", value: APIProtocol.streamMediaType)
    let outgoing = Outgoing(first: first, input: input)
    if first != nil {
      request.headers.replaceOrAdd(name: "Content-Type", value: APIProtocol.streamMediaType)
      request.body = .stream(outgoing, length: .unknown)
    }
    defer { outgoing.stop() }
    return try await guarded(operation) { [client, request] in
      let response = try await Self.opened(request, by: client, operation: operation)
      var buffer = ByteBuffer()
      for try await piece in response.body {
        buffer.writeImmutableBuffer(piece)
        while let frame = try Frame.read(from: &buffer) {
          switch frame.kind {
          case .exit: return try APIJSON.decode(ExitPayload.self, from: frame.payload.readableBytesView).code
          case .fault: throw try APIJSON.decode(Fault.self, from: frame.payload.readableBytesView)
          default:
            do { try await receive(frame) } catch { throw CallerError(error: error) }
          }
        }
        buffer.discardReadBytes()
      }
      return nil
    }
  }

  /// Receives the events of a `text/event-stream` until it ends; one named `fault` is thrown.
  ///
  /// - Throws: `Fault(.unavailable)` also when nothing came for longer than `silence`: of a machine that is gone no word
  ///   comes that it is. A slow `receive` is no silence.
  func events(
    _ path: String, query: [(String, String?)] = [], headers: [(String, String)] = [], operation: String,
    silence: Duration = Transport.silenceLimit, receive: @escaping @Sendable (ServerEvent) async throws -> Void
  ) async throws {
    var request = request(.GET, path, query: query, headers: headers)
    request.headers.replaceOrAdd(name: "Accept", value: APIProtocol.eventMediaType)
    try await guarded(operation) { [client, request] in
      let response = try await Self.opened(request, by: client, operation: operation)
      try await withSilenceLimit(
        silence,
        orThrow: Fault(
          .unavailable, operation: operation, reason: "nothing came for \(silence), not even that there is nothing",
          remedy: "follow again from the last event")
      ) { heard in
        var parser = EventStreamParser()
        for try await piece in response.body {
          heard.pause()
          for event in try parser.events(of: piece.readableBytesView) {
            if event.name == "fault" { throw try APIJSON.decode(Fault.self, from: (event.data ?? "").utf8) }
            do { try await receive(event) } catch { throw CallerError(error: error) }
          }
          heard.resume()
        }
      }
    }
  }

  /// Sends the request of a stream.
  ///
  /// - Returns: the answer, whose body is still to come.
  private static func opened(
    _ request: HTTPClientRequest, by client: HTTPClient, operation: String
  ) async throws -> HTTPClientResponse {
    let response = try await withDeadline(answerLimit, operation: operation) {
      try await client.execute(request, timeout: .seconds(35))
    }
    guard response.status.code == 200 else {
      let bytes = Array(try await response.body.collect(upTo: 1 << 20).readableBytesView)
      throw fault(response, bytes, operation: operation)
    }
    return response
  }

  private func request(
    _ method: HTTPMethod, _ path: String, query: [(String, String?)], headers: [(String, String)] = []
  ) -> HTTPClientRequest {
    let base =
      switch address {
      case .unix(let socket): "http+unix://\(percentEncoded(socket))"
      case .gateway(let url, _): url.hasSuffix("/") ? String(url.dropLast()) : url
      }
    let parameters = query.compactMap { name, value in value.map { "\(name)=\(percentEncoded($0))" } }
    var request = HTTPClientRequest(
      url: base + path + (parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&")))
    request.method = method
    request.headers.add(name: "User-Agent", value: "lobstack/\(LobstackVersion.current)")
    request.headers.add(name: "Accept", value: "application/json")
    for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
    if let token = token() { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
    return request
  }

  private static func fault(_ response: HTTPClientResponse, _ bytes: [UInt8], operation: String) -> Fault {
    // An answer that is no problem+json comes from something else on that address; its status is all there is to tell.
    if let problem = try? APIJSON.decode(Problem.self, from: bytes) { return problem.fault }
    return Fault(
      .failed, operation: operation, reason: "the answer was HTTP \(response.status.code) without an explanation",
      remedy: "check that the address is that of a Lobstack control plane")
  }

  private func guarded<Value: Sendable>(
    _ operation: String, _ body: () async throws -> Value
  ) async throws -> Value {
    do { return try await body() } catch let fault as Fault {
      throw fault
    } catch let error as CancellationError {
      throw error
    } catch let error as CallerError {
      throw error.error
    } catch let error as HTTPClientError where error == .cancelled {
      throw CancellationError()
    } catch let error as IOError where error.errnoCode == EACCES {
      throw Fault(
        .denied, operation: operation, reason: "this user may not open \(address)",
        remedy: "run as root, or give every user access to the directories above the socket", cause: error)
    } catch let error where error is NIOSSLError || ServerIdentity.isRefusal(error) {
      throw Fault(
        .unavailable, operation: operation,
        reason: "\(address) does not show a certificate that is trusted here for this name",
        remedy: "name the roots that 'lobstack ca' prints with --ca, and the gateway by a name of its certificate",
        cause: error)
    } catch {
      throw Fault(
        .unavailable, operation: operation, reason: "nothing answers at \(address)",
        remedy: "start the platform with 'lobstack up'", cause: error)
    }
  }
}

func withDeadline<Value: Sendable>(
  _ limit: Duration, operation: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withDeadline(
    limit,
    orThrow: Fault(
      .timedOut, operation: operation, reason: "no answer within \(limit)",
      remedy: "look with 'lobstack status' which component does not answer"), body)
}
