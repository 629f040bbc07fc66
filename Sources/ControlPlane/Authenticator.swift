import APIModel
import AgentModel
import Crypto
import Faults
import FoundationEssentials
import Logging
import Storage

/// Finds out who makes a request.
struct Authenticator: Sendable {
  /// Longest `Authorization` value that is looked at.
  private static let longestCredential = 256
  /// The time of last use is written at most this often, so that reading does not become writing.
  private static let useGranularity: TimeInterval = 60

  let store: Store
  /// `nil` when the machine has no such user: then nobody is the sentinel.
  let sentinelUser: UInt32?
  let logger: Logger

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
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard authorization.utf8.count <= Self.longestCredential, parts.count == 2, parts[0].lowercased() == "bearer",
      parts[1].hasPrefix(APIProtocol.tokenPrefix)
    else { throw refusal("the Authorization header is not 'Bearer \(APIProtocol.tokenPrefix)…'") }
    // Looking up a hash tells an attacker who measures time nothing about the secret.
    guard let token = try await store.token(hash: TokenSecret.hash(String(parts[1]))) else {
      throw refusal("the token is not known")
    }
    let now = Date.now
    if let expiry = token.expiresAt, expiry <= now { throw refusal("the token expired") }
    if now.timeIntervalSince(token.lastUsedAt ?? .distantPast) > Self.useGranularity {
      do { try await store.setTokenUsed(token.id, at: now) } catch {
        // A full disk must not lock out whoever comes to mend it.
        logger.warning("Use of a token not noted", metadata: ["error": "\(error)"])
      }
    }
    return Principal(
      kind: .token(id: token.id, role: token.role, tenant: token.tenant), name: "token:\(token.name)")
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
  static func random() -> String {
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    return APIProtocol.tokenPrefix
      + Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  static func hash(_ secret: String) -> [UInt8] { Array(SHA256.hash(data: Data(secret.utf8))) }
}
