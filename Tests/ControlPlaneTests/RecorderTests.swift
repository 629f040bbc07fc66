import APIClient
import APIModel
import AgentModel
import Faults
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import KubernetesAPI
import Logging
import Storage
import Synchronization
import Testing

@testable import ControlPlane

/// The recorder without a socket and without an API server; with both, in ClusterRecorderTests.
@Suite("The recorder of a cluster") struct RecorderTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Takes the name of an account as its token.
  private struct Names: CallerIdentifying {
    func takesCookies(from peer: Peer) -> Bool { false }

    func identify(peer: Peer, authorization: String?) async throws -> Principal {
      guard let name = authorization.flatMap(ClusterAuthenticator.token) else {
        throw Fault(.unauthenticated, operation: "authenticate", reason: "there is no token", remedy: "send one")
      }
      let key = "authentication.kubernetes.io/"
      let user = ClusterUser(
        name: "system:serviceaccount:ns:\(name)",
        extra: ["\(key)node-name": ["node-1"], "\(key)pod-name": ["\(name)-0"]])
      return Principal(kind: .user(user), name: user.name)
    }

    func identify(
      cookie: String, site: String?, csrfToken: String?, isSafe: Bool
    ) async throws -> (Principal, Session) { throw Session.ended }
  }

  private static func with(
    _ body: @escaping @Sendable (Caller, FakeAudit, Store) async throws -> Void
  ) async throws {
    let directory = NSTemporaryDirectory() + "lobstack-recorder-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let store = try await Store.open(
      path: "\(directory)/alerts.db", key: StoreKey(SecretValue([UInt8](repeating: 7, count: 32))))
    let audit = FakeAudit()
    let api = RecorderAPI(
      audit: AuditTrail(log: audit, logger: logger), store: store,
      accounts: ClusterRecorder.Accounts(
        controlPlane: "system:serviceaccount:ns:plane", sentinel: "system:serviceaccount:ns:sentinel"),
      authenticator: Names(), logger: logger)
    try await Application(responder: api.responder(), logger: logger).test(.router) { client in
      try await body(Caller(client: client), audit, store)
    }
    try store.close()
  }

  private static let deletion = """
    {"actor":"alice","action":"agent.delete","target":"agent default/bot","outcome":"allowed",
    "details":{"request":"r-1"}}
    """

  @Test("appends what a control plane is about to do, with the request that it is for, before it answers")
  func appends() async throws {
    try await Self.with { caller, audit, _ in
      let answer = try await caller.send(.post, "/v1/audit", token: "plane", body: Self.deletion)
      #expect(answer.status == .created)
      #expect(try decode(AuditSubmissionReceipt.self, answer).index == 0)
      let event = try #require(await audit.events.first)
      #expect(event.actor == "alice" && event.action == "agent.delete" && event.target == "agent default/bot")
      #expect(event.details == ["request": "r-1", "replica": "plane-0"])
      let page = try decode(
        Page<AuditRecordResource>.self, try await caller.send(.get, "/v1/audit?actor=alice", token: "plane"))
      #expect(page.items.map(\.index) == [0])
      #expect(try await caller.send(.get, "/v1/audit/checkpoint", token: "plane").status == .ok)
      #expect(try await caller.send(.get, "/v1/audit/proof?index=0", token: "plane").status == .ok)
      _ = try problem(try await caller.send(.get, "/v1/audit/proof?index=9", token: "plane"), .notFound)
    }
  }

  @Test("refuses what it cannot write, and says so as what passes") func refuses() async throws {
    try await Self.with { caller, audit, _ in
      await audit.refuse(with: Fault(.failed, operation: "append", reason: "the disk is gone", remedy: "mend it"))
      let answer = try await caller.send(.post, "/v1/audit", token: "plane", body: Self.deletion)
      _ = try problem(answer, .serviceUnavailable)
      await audit.refuse(with: nil)
      #expect(try await caller.send(.post, "/v1/audit", token: "plane", body: Self.deletion).status == .created)
    }
  }

  @Test("takes from each account what is that account's, and records who tried another's") func accounts() async throws
  {
    try await Self.with { caller, audit, _ in
      for (method, path, who) in [
        (HTTPRequest.Method.post, "/v1/audit", "sentinel"), (.get, "/v1/audit", "sentinel"),
        (.get, "/v1/audit/checkpoint", "sentinel"), (.get, "/v1/audit/proof?index=0", "other"),
        (.get, "/v1/alerts", "sentinel"), (.get, "/v1/alerts/stream", "other"), (.post, "/v1/alerts", "plane"),
        (.post, "/v1/alerts", "other"),
      ] {
        let answer = try await caller.send(method, path, token: who, body: method == .post ? Self.deletion : nil)
        _ = try problem(answer, .forbidden)
      }
      #expect(await audit.count("access", "denied") == 8)
      #expect(await audit.count("agent.delete", "allowed") == 0)
      _ = try problem(try await caller.send(.post, "/v1/audit", body: Self.deletion), .unauthorized)
      _ = try problem(try await caller.send(.delete, "/v1/audit", token: "plane"), .methodNotAllowed)
    }
  }

  @Test(
    "refuses what is no record", arguments: ["", "[]", "{}", #"{"actor":1}"#, #"{"actor":"a","action":"b"}"#])
  func hostile(body: String) async throws {
    try await Self.with { caller, audit, _ in
      _ = try problem(try await caller.send(.post, "/v1/audit", token: "plane", body: body), .badRequest)
      #expect(await audit.events.isEmpty)
    }
  }

  @Test("keeps alerts of each agent, with the node that the sentinel's token is of, and what became of them")
  func alerts() async throws {
    try await Self.with { caller, audit, store in
      var (one, two) = (alert(second: 1), alert(rule: "Miner", second: 2))
      (one.agent, two.agent) = (AgentID("default/bot"), AgentID("acme/bot"))
      for items in [[one, two], [alert(second: 3)]] {
        let body = String(decoding: try APIJSON.encode(AlertReport(items: items)), as: UTF8.self)
        #expect(try await caller.send(.post, "/v1/alerts", token: "sentinel", body: body).status == .noContent)
      }
      #expect(await audit.events.map(\.actor) == Array(repeating: "sentinel@node-1", count: 3))
      func rules(_ query: String) async throws -> [String] {
        let answer = try await caller.send(.get, "/v1/alerts\(query)", token: "plane")
        let page = try decode(Page<AlertResource>.self, answer)
        #expect(page.items.allSatisfy { $0.hostname == "node-1" })
        return page.items.map { "\($0.agent?.description ?? "none") \($0.rule)" }
      }
      #expect(try await rules("") == ["none Shell spawned", "acme/bot Miner", "default/bot Shell spawned"])
      // What the control plane asks for those who may not see all.
      #expect(try await rules("?tenants=acme") == ["acme/bot Miner"])
      #expect(try await rules("?tenants=acme,default").count == 2)
      #expect(try await rules("?tenants=").isEmpty)
      _ = try problem(try await caller.send(.get, "/v1/alerts?tenants=A%20B", token: "plane"), .badRequest)

      (one.responseState, one.response) = (.done, "kill")
      let body = String(decoding: try APIJSON.encode(AlertReport(items: [one])), as: UTF8.self)
      #expect(try await caller.send(.post, "/v1/alerts", token: "sentinel", body: body).status == .noContent)
      #expect(try await store.alerts(limit: 9).count == 3)
      #expect(await audit.count("alert.respond", "done") == 1)
      let stream = try await caller.send(
        .get, "/v1/alerts/stream?follow=false&tenants=default", token: "plane",
        headers: [try #require(HTTPField.Name("last-event-id")): "0"])
      let text = String(buffer: stream.body)
      #expect(text.contains(#""responseState":"done""#) && !text.contains("Miner"))
    }
  }
}

@Suite("A control plane whose recorder is away") struct MissingRecorderTests {
  @Test("refuses what it would have to record, and writes no line of it") func refuses() async throws {
    let lines = Mutex(0)
    let nowhere = RecorderClient(
      RecorderClient.Settings(address: "https://127.0.0.1:9", authority: "/nonexistent/ca.crt", token: "/nonexistent"))
    let audit = ClusterAudit(
      write: { _ in lines.withLock { $0 += 1 } }, recorder: nowhere,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let done = Mutex(false)
    let fault = await #expect(throws: Fault.self) {
      try await audit.carryOut(
        AuditEvent(actor: "a", action: "agent.delete", target: "agent default/bot", outcome: "allowed")
      ) { done.withLock { $0 = true } }
    }
    #expect(fault?.code == .unavailable && fault?.reason.contains("/nonexistent/ca.crt") == true)
    #expect(!done.withLock { $0 } && lines.withLock { $0 } == 0)
  }
}
