import APIModel
import NIOHTTP1

extension APIClient {
  /// Who the caller is, as the platform sees it.
  package func identity() async throws -> IdentityResource {
    try await transport.call(.GET, "/v1/identity", operation: "ask who the caller is")
  }

  /// The roots that vouch for the platform's certificates, PEM.
  package func trustBundle() async throws -> String {
    String(
      decoding: try await transport.send(.GET, "/v1/trust-bundle", operation: "read the trust bundle"), as: UTF8.self)
  }
}
