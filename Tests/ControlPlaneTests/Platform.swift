import APIModel
import AgentModel
import Blueprint
import Faults
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Storage
import Testing

@testable import ControlPlane

/// A control plane without sockets: the API over a real store, with a node and an audit log in memory.
struct Platform: Sendable {
  static let policyDirectory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "policy").path

  let store: Store
  let node: FakeNode
  let secrets: FakeSecrets
  let audit: FakeAudit
  let api: API
  let reconciler: Reconciler

  /// Runs `body` with a platform that is gone afterwards.
  static func with(limits: APILimits = APILimits(), policies: String? = nil, _ body: (Platform) async throws -> Void)
    async throws
  {
    let directory = NSTemporaryDirectory() + "lobstack-control-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let store = try await Store.open(
      path: "\(directory)/test.sqlite", key: StoreKey(SecretValue([UInt8](repeating: 7, count: 32))))
    let node = FakeNode()
    let secrets = FakeSecrets()
    let audit = FakeAudit()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let trail = AuditTrail(log: audit, logger: logger)
    let view = NodeView()
    let signal = ChangeSignal()
    let policy = try Policy.load(directory: policyDirectory)
    let admission = AdmissionGate(
      policies: AdmissionPolicies(
        directory: policies ?? "\(policyDirectory)/gatekeeper", audit: trail, logger: logger), policy: policy,
      trustDomain: .default, findings: AdmissionFindings())
    try await admission.policies.reload()
    let platform = Platform(
      store: store, node: node, secrets: secrets, audit: audit,
      api: API(
        store: store, audit: trail, view: view, node: node, secrets: secrets, signal: signal, instance: "test",
        admission: admission, sentinelUser: 900, limits: limits, logger: logger),
      reconciler: Reconciler(
        store: store, node: node, view: view, audit: trail, policy: policy,
        secrets: secrets, signal: signal, logger: logger))
    try await platform.reconcile()
    try await body(platform)
    try store.close()
  }

  /// What the reconciler's loops do, once.
  func reconcile() async throws {
    try await reconciler.push()
    reconciler.view.observed(try await node.observe(after: 0, waitSeconds: 1))
    try await reconciler.settle()
  }

  /// Sends requests as `peer`, with the sentinel at uid 900.
  func test(as peer: Peer = .unix(uid: 0), _ body: @Sendable (Caller) async throws -> Void) async throws {
    let responder = api.responder { _ in peer }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    try await Application(responder: responder, logger: logger).test(.router) { client in
      try await body(Caller(client: client))
    }
  }

  /// The secret of a new token.
  func token(_ role: Role, tenant: String? = nil, expires: Date? = nil) async throws -> String {
    let secret = TokenSecret.random()
    let id = AgentUID.random().description
    try await store.insert(
      TokenResource(
        id: id, name: "test-\(id)", role: role,
        tenant: tenant.flatMap { TenantName($0) }, createdAt: .now, expiresAt: expires, lastUsedAt: nil),
      hash: TokenSecret.hash(secret))
    return secret
  }
}

struct Caller: Sendable {
  let client: any TestClientProtocol

  func send(
    _ method: HTTPRequest.Method, _ uri: String, token: String? = nil, body: String? = nil,
    headers: HTTPFields = [:]
  ) async throws -> TestResponse {
    var headers = headers
    if let token { headers[.authorization] = "Bearer \(token)" }
    return try await client.execute(
      uri: uri, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
  }

  /// Creates an agent as root.
  func create(_ name: String, tenant: String = "default") async throws {
    let response = try await send(.post, "/v1/agents", body: document(name, tenant: tenant))
    try #require(response.status == .created, "\(String(buffer: response.body))")
  }
}

func document(_ name: String, tenant: String = "default", extra: String = "") -> String {
  """
  apiVersion: lobstack.dev/v1
  kind: Agent
  metadata: {name: \(name), tenant: \(tenant)}
  spec:
    image: dir:/srv/images/test
  \(extra)
  """
}

func decode<Value: Decodable>(_ type: Value.Type, _ response: TestResponse) throws -> Value {
  try APIJSON.decode(type, from: response.body.readableBytesView)
}

/// The problem that an answer must be.
func problem(_ response: TestResponse, _ status: HTTPResponse.Status) throws -> Problem {
  #expect(response.status == status)
  #expect(response.headers[.contentType] == APIProtocol.problemMediaType)
  let problem = try decode(Problem.self, response)
  #expect(problem.status == status.code)
  #expect(!problem.fault.remedy.isEmpty)
  return problem
}
