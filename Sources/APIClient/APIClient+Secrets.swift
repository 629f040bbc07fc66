import APIModel
import AgentModel
import NIOHTTP1

extension APIClient {
  package func secrets() async throws -> [SecretResource] {
    let page: Page<SecretResource> = try await transport.call(.GET, "/v1/secrets", operation: "list secrets")
    return page.items
  }

  /// Sets the secret's next version.
  package func setSecret(_ reference: SecretReference, to value: SecretValue) async throws {
    try await transport.send(
      .PUT, path(reference), query: query(reference),
      body: Body(bytes: value.bytes, mediaType: "application/octet-stream"), operation: "set secret \(reference)")
  }

  package func deleteSecret(_ reference: SecretReference) async throws {
    try await transport.send(
      .DELETE, path(reference), query: query(reference), operation: "delete secret \(reference)")
  }

  private func path(_ reference: SecretReference) -> String {
    "/v1/tenants/\(reference.tenant)/secrets/\(reference.name)"
  }

  private func query(_ reference: SecretReference) -> [(String, String?)] { [("agent", reference.agent?.description)] }
}
