import APIModel
import AgentModel
import Crypto
import Faults
import FoundationEssentials
import Logging
import Storage

/// Finds out who makes a request: by tokens of this platform's own, or by those of a cluster.
protocol CallerIdentifying: Sendable {
  /// Whether a browser's cookie counts that comes from there.
  func takesCookies(from peer: Peer) -> Bool
  /// - Parameter authorization: the value of the `Authorization` header.
  func identify(peer: Peer, authorization: String?) async throws -> Principal
  func identify(cookie: String, site: String?, csrfToken: String?, isSafe: Bool) async throws -> (Principal, Session)
}

/// Finds out who makes a request of one machine's platform.
struct Authenticator: CallerIdentifying {
  /// Longest `Authorization` value that is looked at.
  private static let longestCredential = 256
  /// The time of last use is written at most this often, so that reading does not become writing.
  private static let useGranularity: TimeInterval = 60

  /// How far the clock may be set back without a word, in seconds: what corrects clocks does that.
  private static let clockTolerance: TimeInterval = 300

  let store: Store
  /// `nil` when the machine has no such user: then nobody is the sentinel.
  let sentinelUser: UInt32?
  let sessions: Sessions
  let logger: Logger

  func takesCookies(from peer: Peer) -> Bool { peer.isGateway }

  /// - Parameter authorization: the value of the `Authorization` header.
  /// - Throws: `Fault(.unauthenticated)`; a token that is shown counts, also for root, and a wrong one is an error.
  func identify(peer: Peer, authorization: String?) async throws -> Principal {
    // An agent is who it is: it borrows nobody's token.
    if case .workload(let id) = peer, let agent = id.agent {
      return Principal(kind: .agent(agent), name: "agent:\(agent)")
    }
    if let authorization { return try await tokenHolder(authorization) }
    switch peer {
    case .unix(uid: 0): return .root
    case .unix(let uid) where uid == sentinelUser: return .sentinel
    case .unix, .workload, .remote: throw refusal("no token was given")
    }
  }

  private func tokenHolder(_ authorization: String) async throws -> Principal {
    guard let hash = hash(of: authorization) else {
      throw refusal("the Authorization header is not 'Bearer \(APIProtocol.tokenPrefix)…'")
    }
    return try await holder(ofToken: hash)
  }

  /// Looking up a hash tells an attacker who measures time nothing about the secret.
  private func hash(of authorization: String) -> [UInt8]? {
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard authorization.utf8.count <= Self.longestCredential, parts.count == 2, parts[0].lowercased() == "bearer",
      parts[1].hasPrefix(APIProtocol.tokenPrefix)
    else { return nil }
    return TokenSecret.hash(String(parts[1]))
  }

  /// The token that an `Authorization` header shows, for a session that is to stand for it; `nil` when it shows none.
  func token(shown authorization: String) async throws -> Session.Token? {
    guard let hash = hash(of: authorization), let token = try await store.token(hash: hash) else { return nil }
    return Session.Token(id: token.id, hash: hash)
  }

  /// Who calls with a session's cookie.
  ///
  /// - Throws: `Fault(.unauthenticated)` when there is no such session, or its request is not of the dashboard's own page.
  func identify(cookie: String, site: String?, csrfToken: String?, isSafe: Bool) async throws -> (Principal, Session) {
    guard let session = sessions.session(of: cookie) else { throw Session.ended }
    try session.require(site: site, csrfToken: csrfToken, isSafe: isSafe)
    do { return (try await holder(ofToken: session.token.hash), session) } catch let fault as Fault
      where fault.code == .unauthenticated
    {
      sessions.end(session)
      throw fault
    }
  }

  private func holder(ofToken hash: [UInt8]) async throws -> Principal {
    guard let token = try await store.token(hash: hash) else { throw refusal("the token is not known") }
    let now = Date.now
    if let reason = Self.objection(to: token, at: now) { throw refusal(reason) }
    if now.timeIntervalSince(token.lastUsedAt ?? .distantPast) > Self.useGranularity {
      do { try await store.setTokenUsed(token.id, at: now) } catch {
        // A full disk must not lock out whoever comes to mend it.
        logger.warning("Use of a token not noted", metadata: ["error": "\(error)"])
      }
    }
    return Principal(
      kind: .token(id: token.id, role: token.role, tenant: token.tenant), name: "token:\(token.name)")
  }

  /// Why a token does not count; `nil` when it does.
  ///
  /// A clock that was set back would give a token again what is over of its life. That it stands before a time at which
  /// the token was made or used is known; then one that expires counts no more.
  static func objection(to token: TokenResource, at now: Date) -> String? {
    guard let expiry = token.expiresAt else { return nil }
    if expiry <= now { return "the token expired" }
    let known = max(token.createdAt, token.lastUsedAt ?? token.createdAt)
    guard now < known - clockTolerance else { return nil }
    return "this machine's clock stands before the time at which the token was made or used last"
  }

  private func refusal(_ reason: String) -> Fault {
    Fault(
      .unauthenticated, operation: "authenticate the request", reason: reason,
      remedy:
        "run as root on the platform's machine, or send 'Authorization: Bearer' with a token of 'lobstack token create'"
    )
  }
}

/// The secret of a token: 256 random bits, so that one round of SHA-256 suffices to keep it at rest.
enum TokenSecret {
  static func random() -> String { APIProtocol.tokenPrefix + randomText() }

  /// 256 random bits in base64url.
  static func randomText() -> String {
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      .replacing("=", with: "")
  }

  static func hash(_ secret: String) -> [UInt8] { Array(SHA256.hash(data: Data(secret.utf8))) }
}
