import APIModel
import NIOHTTP1

extension APIClient {
  package func verifications(
    limit: Int = APIProtocol.longestPage, cursor: String? = nil
  ) async throws -> Page<VerificationResource> {
    try await transport.call(
      .GET, "/v1/verifications", query: [("limit", "\(limit)"), ("cursor", cursor)], operation: "list verifications")
  }

  package func verification(_ id: String) async throws -> VerificationResource {
    try await transport.call(.GET, "/v1/verifications/\(id)", operation: "read verification \(id)")
  }

  /// - Parameter report: the JSON that `lobstack verify -o json` prints.
  package func recordVerification(_ id: String, report: String) async throws -> VerificationResource {
    try await transport.call(
      .PUT, "/v1/verifications/\(id)", body: Body(bytes: Array(report.utf8), mediaType: "application/json"),
      operation: "record verification \(id)")
  }
}
