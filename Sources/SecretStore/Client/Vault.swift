import Faults
import FoundationEssentials
import NIOHTTP1

/// The secrets manager as one bearer of a token sees it. The engines are its extensions.
package struct Vault: Sendable {
  package let client: VaultClient
  /// `nil` for the few requests that need none.
  let session: VaultSession?
  private let fixed: VaultToken?

  /// - Parameter token: used as it is, as long as it lasts.
  package init(_ client: VaultClient, token: VaultToken?) {
    self.client = client
    fixed = token
    session = nil
  }

  /// - Parameter session: logs in when it is needed, and again when its token has ended.
  package init(_ client: VaultClient, session: VaultSession) {
    self.client = client
    fixed = nil
    self.session = session
  }

  func call<Content: Decodable & Sendable>(
    _ method: HTTPMethod, _ path: String, query: String = "", _ body: (some Encodable & Sendable)? = nil as String?,
    wrapping: Duration? = nil, operation: String? = nil
  ) async throws -> VaultReply<Content> {
    try await withToken {
      try await client.call(method, path, query: query, body, token: $0, wrapping: wrapping, operation: operation)
    }
  }

  func content<Content: Decodable & Sendable>(
    _ method: HTTPMethod, _ path: String, query: String = "", _ body: (some Encodable & Sendable)? = nil as String?,
    operation: String? = nil
  ) async throws -> Content {
    try await withToken {
      try await client.content(method, path, query: query, body, token: $0, operation: operation)
    }
  }

  func send(
    _ method: HTTPMethod, _ path: String, _ body: (some Encodable & Sendable)? = nil as String?,
    operation: String? = nil
  ) async throws {
    let _: VaultReply<NoContent> = try await call(method, path, body, operation: operation)
  }

  /// The names below a path; none when there is nothing.
  func list(_ path: String, operation: String? = nil) async throws -> [String] {
    struct Keys: Decodable, Sendable { var keys: [String] }
    do {
      let content: Keys = try await content(.GET, path, query: "list=true", operation: operation)
      return content.keys
    } catch let fault as Fault where fault.code == .notFound {
      return []
    }
  }

  /// A token that was revoked, or of a server that forgot it, is refused: one new login shows whether that was it.
  func withToken<Value: Sendable>(_ body: @Sendable (VaultToken?) async throws -> Value) async throws -> Value {
    guard let session else { return try await body(fixed) }
    let token = try await session.token()
    do { return try await body(token) } catch let fault as Fault where fault.code == .denied {
      guard let renewed = try await session.another(than: token) else { throw fault }
      return try await body(renewed)
    }
  }
}
