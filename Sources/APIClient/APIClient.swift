import APIModel
import AgentModel
import AsyncHTTPClient
import Faults
import FoundationEssentials
import NIOCore
import NIOHTTP1
import TextEncodings

/// Typed client of the HTTP API. Every method throws `Fault`; the server's own fault passes unchanged.
///
/// Call `shutdown()` before letting go of a client.
package final class APIClient: Sendable {
  /// Where the API listens.
  package enum Address: Hashable, Sendable, CustomStringConvertible {
    /// Path of the Unix socket, `InstanceLayout.apiSocket`.
    case unix(String)
    /// The gateway's base URL, `https://lobstack.example.com`, and the roots that vouch for it, PEM; `nil` takes the
    /// system's.
    case gateway(String, roots: String? = nil)

    package var description: String {
      switch self {
      case .unix(let path): path
      case .gateway(let url, _): url
      }
    }
  }

  package let address: Address
  let transport: Transport

  /// - Parameters:
  ///   - token: a secret `lob_…`, or a cluster's; `nil` relies on the credentials of the Unix socket's peer.
  ///   - place: where the gateway is reached, when that is not what its name says; the certificate is of the name.
  package init(address: Address, token: String? = nil, at place: String? = nil) {
    self.address = address
    transport = Transport(address: address, at: place) { token }
  }

  /// - Parameter tokenFile: a token that somebody else renews; it is read for each request.
  package init(address: Address, tokenFile: String) {
    self.address = address
    transport = Transport(address: address) {
      // Without one the server refuses, and says why.
      FileManager.default.contents(atPath: tokenFile)
        .flatMap { String(decoding: $0, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init) }
    }
  }

  package func shutdown() async throws { try await transport.shutdown() }
}

// MARK: Platform

extension APIClient {
  package func status() async throws -> PlatformStatus {
    try await transport.call(.GET, "/v1/status", operation: "read the platform's status")
  }

  /// Returns when the control plane is there and waits for nothing.
  package func alive() async throws {
    try await transport.send(.GET, "/livez", operation: "ask whether the control plane is there")
  }

  /// Returns when the control plane can take work; throws the reason why not.
  package func ready() async throws {
    try await transport.send(.GET, "/readyz", operation: "check that the platform is ready")
  }
}

// MARK: Agents

extension APIClient {
  /// - Parameter search: part of `tenant/name`, of the image or of a label's `key=value`.
  package func agents(
    tenant: TenantName? = nil, phase: AgentPhase? = nil, search: String? = nil, limit: Int = APIProtocol.longestPage,
    cursor: String? = nil
  ) async throws -> Page<AgentResource> {
    try await transport.call(
      .GET, "/v1/agents",
      query: [
        ("tenant", tenant?.description), ("phase", phase?.rawValue), ("search", search), ("limit", "\(limit)"),
        ("cursor", cursor),
      ],
      operation: "list agents")
  }

  /// Every page of the listing.
  package func allAgents(
    tenant: TenantName? = nil, phase: AgentPhase? = nil, search: String? = nil
  ) async throws -> [AgentResource] {
    var items: [AgentResource] = []
    var cursor: String?
    repeat {
      let page = try await agents(tenant: tenant, phase: phase, search: search, cursor: cursor)
      items += page.items
      cursor = page.next
    } while cursor != nil
    return items
  }

  package func agent(_ id: AgentID) async throws -> AgentResource {
    try await transport.call(.GET, path(id), operation: "read agent \(id)")
  }

  /// What the agent used over the last hour.
  /// - Parameter count: of the newest samples; by default all.
  package func usage(of id: AgentID, newest count: Int? = nil) async throws -> UsageResource {
    try await transport.call(
      .GET, "\(path(id))/usage", query: [("limit", count.map { "\($0)" })], operation: "read what agent \(id) uses")
  }

  /// - Parameters:
  ///   - document: an Agent (`lobstack.dev/v1`) as YAML or JSON.
  ///   - idempotencyKey: the same key within 24 hours gets the first answer again; by default a new one.
  package func createAgent(document: String, idempotencyKey: String? = nil) async throws -> AgentResource {
    try await transport.call(
      .POST, "/v1/agents", headers: [("Idempotency-Key", idempotencyKey ?? UUID().uuidString)],
      body: Body(bytes: Array(document.utf8), mediaType: "application/yaml"), operation: "create the agent")
  }

  /// Creates the agent or replaces its spec.
  /// - Parameter generation: the change is refused unless the agent still has this generation.
  package func putAgent(_ id: AgentID, document: String, ifGeneration generation: Int64? = nil) async throws
    -> AgentResource
  {
    try await transport.call(
      .PUT, path(id), headers: ifMatch(generation),
      body: Body(bytes: Array(document.utf8), mediaType: "application/yaml"), operation: "write agent \(id)")
  }

  package func startAgent(_ id: AgentID) async throws -> AgentResource {
    try await transport.call(.POST, "\(path(id))/start", operation: "start agent \(id)")
  }

  package func stopAgent(_ id: AgentID) async throws -> AgentResource {
    try await transport.call(.POST, "\(path(id))/stop", operation: "stop agent \(id)")
  }

  /// Has a running agent frozen, cut off or killed; returns when it is.
  package func respond(to id: AgentID, _ response: AgentResponse) async throws -> AgentResource {
    try await transport.call(
      .POST, "\(path(id))/respond", body: .json(ResponseRequest(response: response)),
      operation: "\(response) agent \(id)")
  }

  /// Asks for the agent's destruction, which goes on after the answer; `agent(_:)` throws `.notFound` when it is done.
  @discardableResult
  package func deleteAgent(_ id: AgentID, ifGeneration generation: Int64? = nil) async throws -> AgentResource {
    try await transport.call(.DELETE, path(id), headers: ifMatch(generation), operation: "delete agent \(id)")
  }

  func path(_ id: AgentID) -> String { "/v1/tenants/\(id.tenant)/agents/\(id.name)" }

  private func ifMatch(_ generation: Int64?) -> [(String, String)] {
    generation.map { [("If-Match", "\"\($0)\"")] } ?? []
  }
}

// MARK: Denials, audit, tokens

extension APIClient {
  /// What the policies in force say about an object of Kubernetes or an AdmissionReview, in YAML or JSON.
  package func review(_ document: String) async throws -> AdmissionReviewResource {
    try await transport.call(
      .POST, "/v1/admission/review", body: Body(bytes: Array(document.utf8), mediaType: "application/yaml"),
      operation: "review an object")
  }

  /// The admission policies in force, and the agents that exist against them.
  package func admission() async throws -> AdmissionResource {
    try await transport.call(.GET, "/v1/admission", operation: "read what the policies say")
  }

  /// Newest first.
  package func denials(
    agent: AgentID? = nil, limit: Int = 100, cursor: String? = nil
  ) async throws -> Page<DenialResource> {
    try await transport.call(
      .GET, "/v1/denials", query: [("agent", agent?.description), ("limit", "\(limit)"), ("cursor", cursor)],
      operation: "list denials")
  }

  /// - Parameter denials: at most `DenialReport.longest`.
  package func reportDenials(_ denials: [DenialResource]) async throws {
    try await transport.send(
      .POST, "/v1/denials", body: .json(DenialReport(items: denials)), operation: "report denials")
  }

  /// From record number `index` on, by default from the first in that order. With a filter the page may be short though
  /// more follows: go on while `next` is set.
  package func audit(
    from index: UInt64? = nil, limit: Int = 100, _ query: AuditQuery = AuditQuery(), order: AuditOrder = .oldest
  ) async throws -> Page<AuditRecordResource> {
    try await transport.call(
      .GET, "/v1/audit",
      query: [("from", index.map { "\($0)" }), ("limit", "\(limit)"), ("order", order.rawValue)] + query.parameters,
      operation: "read the audit log")
  }

  package func record(_ operation: SecretsManagerOperation) async throws {
    try await transport.send(.POST, "/v1/audit", body: .json(operation), operation: "record what is done")
  }

  package func auditCheckpoint() async throws -> AuditCheckpointResource {
    try await transport.call(.GET, "/v1/audit/checkpoint", operation: "read the audit log's checkpoint")
  }

  package func auditProof(index: UInt64) async throws -> AuditProofResource {
    try await transport.call(
      .GET, "/v1/audit/proof", query: [("index", "\(index)")], operation: "prove audit record \(index)")
  }

  package func tokens() async throws -> [TokenResource] {
    let page: Page<TokenResource> = try await transport.call(.GET, "/v1/tokens", operation: "list tokens")
    return page.items
  }

  package func createToken(_ request: TokenRequest) async throws -> CreatedToken {
    try await transport.call(
      .POST, "/v1/tokens", body: .json(request), operation: "create token \(request.name)")
  }

  package func revokeToken(_ id: String) async throws {
    try await transport.send(.DELETE, "/v1/tokens/\(percentEncoded(id))", operation: "revoke token \(id)")
  }
}
