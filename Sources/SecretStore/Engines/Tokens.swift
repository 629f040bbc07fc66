import Faults
import NIOHTTP1

/// Logins and tokens.
extension Vault {
  /// Logs in at a JWT mount, without a token.
  ///
  /// - Throws: `Fault(.unauthenticated)` for a token of another key, audience, subject or time.
  package static func logIn(
    _ client: VaultClient, jwt: String, role: String, mount: String
  ) async throws -> VaultLogin {
    let operation = "log in as \(role)"
    let reply: VaultReply<NoContent>
    do {
      reply = try await client.call(
        .POST, "auth/\(mount)/login", ["role": role, "jwt": jwt], token: nil, operation: operation)
    } catch let fault as Fault where [.invalid, .denied].contains(fault.code) {
      throw Fault(
        .unauthenticated, operation: operation, reason: fault.reason,
        remedy: "check that the clocks agree and that the role is provisioned: 'lobstack vault status'")
    }
    guard let auth = reply.auth else {
      throw Fault(
        .failed, operation: operation, reason: "the answer holds no token",
        remedy: "check the version of the secrets manager")
    }
    return auth.login
  }

  /// Lengthens the life of the own token, up to what its role allows.
  ///
  /// - Returns: its lease in seconds.
  package func renewSelf() async throws -> Int {
    let reply: VaultReply<NoContent> = try await call(.POST, "auth/token/renew-self", operation: "renew the token")
    return reply.auth?.login.lease ?? 0
  }

  /// Ends the own token, and with it whatever was got by it.
  package func revokeSelf() async throws {
    try await send(.POST, "auth/token/revoke-self", operation: "revoke the token")
  }

  /// The policies of the own token.
  package func ownPolicies() async throws -> [String] {
    struct Content: Decodable, Sendable {
      var policies: [String]
      var identity_policies: [String]?
    }
    let content: Content = try await content(.GET, "auth/token/lookup-self", operation: "look at the own token")
    return (content.policies + (content.identity_policies ?? [])).sorted()
  }

  /// What may be done with a path by the own token (`sys/capabilities-self`).
  package func capabilities(of path: String) async throws -> [String] {
    struct Content: Decodable, Sendable { var capabilities: [String] }
    let content: Content = try await content(.POST, "sys/capabilities-self", ["paths": [path]])
    return content.capabilities
  }

  /// Wraps the answer to a read: whoever gets the token has the answer once, and a second taker shows.
  package func wrap(reading path: String, for life: Duration) async throws -> VaultToken {
    let reply: VaultReply<NoContent> = try await call(.GET, path, wrapping: life)
    guard let wrapping = reply.wrapping else {
      throw Fault(
        .failed, operation: "wrap \(path)", reason: "the answer is not wrapped",
        remedy: "check the version of the secrets manager")
    }
    return VaultToken(wrapping.token)
  }

  /// What a wrapping token holds, once.
  ///
  /// - Throws: `Fault(.invalid)` when it was taken before.
  package static func unwrap<Content: Decodable & Sendable>(
    _ token: VaultToken, at client: VaultClient
  ) async throws -> Content {
    try await client.content(.POST, "sys/wrapping/unwrap", token: token)
  }
}
