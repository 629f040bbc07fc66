import AgentModel
import CertificateAuthority
import Faults
import FoundationEssentials

/// The rules of the five methods: who may ask, what comes back, when it comes again.
struct WorkloadService: Sendable {
  let authority: Authority
  let table: WorkloadTable
  let held: HeldSVIDs
  let record: WorkloadServer.Recorder
  let changes: ChangeSignal
  let now: @Sendable () -> Date

  typealias Send = @Sendable (_ message: [UInt8]) async throws -> Void

  /// Answers a call with one message, or with a message at each change until it is cancelled.
  ///
  /// - Throws: `CallStatus` for what the caller is told.
  func answer(_ call: CallAssembler.Call, user: UInt32, send: Send) async throws {
    guard call.head.isDeclared else {
      throw CallStatus(.invalidArgument, "the metadata 'workload.spiffe.io: true' is missing")
    }
    guard !table.identities(of: user).isEmpty else { throw Self.stranger(user) }
    let request: WorkloadRequest
    do {
      guard let known = try WorkloadRequest(path: call.head.path, message: call.message) else {
        throw CallStatus(.unimplemented, "there is no such method")
      }
      request = known
    } catch is MessageReader.Malformed {
      throw CallStatus(.invalidArgument, "the message does not parse")
    }
    do {
      try await answer(request, user: user, send: send)
    } catch let fault as Fault {
      throw Self.status(of: fault) ?? fault
    }
  }

  private func answer(_ request: WorkloadRequest, user: UInt32, send: Send) async throws {
    switch request {
    case .x509SVID: try await streamSVIDs(to: user, send)
    case .x509Bundles: try await streamBundles(to: user, send, WorkloadResponse.x509Bundles)
    case .jwtBundles: try await streamBundles(to: user, send, WorkloadResponse.jwtBundles)
    case .jwtSVID(let audience, let id): try await send(try await tokens(for: audience, id: id, user: user))
    case .validateJWTSVID(let audience, let token): try await send(try validate(token, audience: audience))
    }
  }

  private func streamSVIDs(to user: UInt32, _ send: Send) async throws {
    var sent: [String] = []
    for await _ in changes.changes() {
      let ids = table.identities(of: user)
      guard !ids.isEmpty else { throw Self.stranger(user) }
      let bundle = authority.bundle
      var identities: [HeldSVID] = []
      for id in ids { identities.append(try await held.svid(of: id)) }
      let state = ["\(bundle.sequence)"] + identities.map(\.svid.certificate.serial)
      guard state != sent else { continue }
      try await send(WorkloadResponse.x509SVIDs(identities, bundle: bundle))
      sent = state
    }
  }

  private func streamBundles(to user: UInt32, _ send: Send, _ encode: (TrustBundle) throws -> [UInt8]) async throws {
    var sent: UInt64?
    for await _ in changes.changes() {
      guard !table.identities(of: user).isEmpty else { throw Self.stranger(user) }
      let bundle = authority.bundle
      guard bundle.sequence != sent else { continue }
      try await send(try encode(bundle))
      sent = bundle.sequence
    }
  }

  private func tokens(for audience: [String], id: String, user: UInt32) async throws -> [UInt8] {
    guard !audience.isEmpty else { throw CallStatus(.invalidArgument, "the audience is missing") }
    let ids = table.identities(of: user).filter { id.isEmpty || $0.description == id }
    guard !ids.isEmpty else { throw CallStatus(.permissionDenied, "the identity is not this user's") }
    var tokens: [JWTSVID] = []
    for id in ids {
      let token = try authority.issueJWTSVID(for: id, audience: audience, at: now())
      try await record(.token(id, audience: audience))
      tokens.append(token)
    }
    return WorkloadResponse.jwtSVIDs(tokens)
  }

  private func validate(_ token: String, audience: String) throws -> [UInt8] {
    guard !audience.isEmpty, !token.isEmpty else {
      throw CallStatus(.invalidArgument, "the audience or the token is missing")
    }
    switch JWTVerifier(authority.bundle).verify(token, audience: audience, at: now()) {
    case .accepted(let claims): return WorkloadResponse.validated(claims)
    case .refused(let reason): throw CallStatus(.invalidArgument, "\(reason)")
    }
  }

  private static func stranger(_ user: UInt32) -> CallStatus {
    CallStatus(.permissionDenied, "user id \(user) has no identity")
  }

  /// - Returns: `nil` for what is wrong in the platform: that is for its own log.
  private static func status(of fault: Fault) -> (any Error)? {
    switch fault.code {
    case .invalid: CallStatus(.invalidArgument, fault.reason)
    case .denied: CallStatus(.permissionDenied, fault.reason)
    case .unavailable, .timedOut, .exhausted: CallStatus(.unavailable, fault.reason)
    default: nil
    }
  }
}
