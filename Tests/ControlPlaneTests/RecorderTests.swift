import APIClient
import APIModel
import AgentModel
import Faults
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JSONValues
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
      // "sentinel~node-2": the one of that node.
      let parts = name.split(separator: "~").map(String.init)
      let node = parts.count > 1 ? parts[1] : "node-1"
      let user = ClusterUser(
        name: "system:serviceaccount:ns:\(parts[0])",
        extra: [ClusterUser.nodeOfToken: [node], ClusterUser.podOfToken: ["\(parts[0])-\(node.last ?? "0")"]])
      return Principal(kind: .user(user), name: user.name)
    }

    func identify(
      cookie: String, site: String?, csrfToken: String?, isSafe: Bool
    ) async throws -> (Principal, Session) { throw Session.ended }
  }

  /// Pods of two tenants on two nodes.
  private static func owners() throws -> PodOwners {
    let acme = try #require(TenantName("acme"))
    let owners = PodOwners(namespaces: [.default: "agents", acme: "agents-acme"])
    owners.take(.replaced([pod("pod-a", "bot", "node-1"), pod("pod-far", "far", "node-2")]), in: "agents")
    owners.take(.replaced([pod("pod-b", "bot", "node-1")]), in: "agents-acme")
    return owners
  }

  private static func with(
    owners: PodOwners? = nil, shares: AuditShares? = nil,
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
      owners: try owners ?? Self.owners(), shares: shares ?? AuditShares(volume: AuditVolume { nil }),
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
      #expect(event.details == ["request": "r-1", "replica": "plane-1"])
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
      await audit.refuse(with: Fault(.exhausted, operation: "append", reason: "no space", remedy: "free some"))
      let full = try await caller.send(.post, "/v1/audit", token: "plane", body: Self.deletion)
      #expect(try problem(full, HTTPResponse.Status(code: 507)).fault.code == .full)
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
      var (one, two) = (
        alert(container: "pod-a", second: 1), alert(container: "pod-b", rule: "Miner", second: 2)
      )
      // Whose it says that a Pod is, is nobody's word.
      two.agent = AgentID("default/bot")
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

  @Test("believes a sentinel about Pods of its own node alone, and about its own alerts") func nodes() async throws {
    try await Self.with { caller, audit, store in
      func report(_ items: [AlertResource], _ token: String) async throws -> HTTPResponse.Status {
        let body = String(decoding: try APIJSON.encode(AlertReport(items: items)), as: UTF8.self)
        return try await caller.send(.post, "/v1/alerts", token: token, body: body).status
      }
      var own = alert(container: "pod-a")
      var foreign = alert(container: "pod-far", rule: "Lie")
      foreign.agent = AgentID("default/far")
      #expect(try await report([own, foreign], "sentinel") == .noContent)
      own.responseState = .done
      // What is its own goes on beside what is not.
      let news = alert(container: "pod-far", rule: "Truth")
      for _ in 0..<2 { #expect(try await report([own, news], "sentinel~node-2") == .noContent) }
      let stored = try await store.alerts(limit: 9).map(\.alert)
      #expect(stored.map(\.rule) == ["Truth", "Lie", "Shell spawned"])
      #expect(stored.map { $0.agent?.description } == ["default/far", nil, "default/bot"])
      #expect(stored.map(\.hostname) == ["node-2", "node-1", "node-1"])
      #expect(stored.last?.responseState == .pending)
      let refused = await audit.events.filter { $0.action == "access" }
      #expect(refused.first?.actor == "sentinel@node-2" && refused.first?.details["reason"] == "node")
      #expect(await audit.count("alert.respond", "done") == 0)
      #expect(try await report([own], "sentinel") == .noContent)
      #expect(await audit.count("alert.respond", "done") == 1)
    }
  }

  @Test("takes no alert before it knows whose the Pods are") func early() async throws {
    let owners = PodOwners(namespaces: [.default: "agents"])
    try await Self.with(owners: owners) { caller, _, _ in
      let body = String(decoding: try APIJSON.encode(AlertReport(items: [alert()])), as: UTF8.self)
      _ = try problem(try await caller.send(.post, "/v1/alerts", token: "sentinel", body: body), .serviceUnavailable)
      owners.take(.replaced([]), in: "agents")
      #expect(try await caller.send(.post, "/v1/alerts", token: "sentinel", body: body).status == .noContent)
    }
  }

  @Test("takes no alert of a Pod that it may not have heard of, while the API server cannot be heard")
  func interrupted() async throws {
    let owners = try Self.owners()
    try await Self.with(owners: owners) { caller, _, store in
      func report(_ uids: String...) async throws -> TestResponse {
        let items = uids.map { alert(container: $0) }
        let body = String(decoding: try APIJSON.encode(AlertReport(items: items)), as: UTF8.self)
        return try await caller.send(.post, "/v1/alerts", token: "sentinel", body: body)
      }
      owners.take(.interrupted(Fault(.unavailable, operation: "watch", reason: "away", remedy: "wait")), in: "agents")
      let refused = try await report("pod-a", "pod-new")
      _ = try problem(refused, .serviceUnavailable)
      #expect(refused.headers[.retryAfter] != nil)
      #expect(try await store.alerts(limit: 9).isEmpty)
      #expect(try await report("pod-a").status == .noContent)
      // Another namespace's word does not end it.
      owners.take(.current, in: "agents-acme")
      _ = try problem(try await report("pod-new"), .serviceUnavailable)
      owners.take(.changed(pod("pod-new", "new", "node-1")), in: "agents")
      #expect(try await report("pod-new", "pod-nobody").status == .noContent)
      let agents = try await store.alerts(limit: 9).map { $0.alert.agent?.description }
      #expect(Set(agents) == ["default/bot", "default/new", nil])
    }
  }

  @Test("has a tenant's alerts beyond its share kept and told, and the log told how many they are")
  func alertShares() async throws {
    let shares = AuditShares(
      volume: AuditVolume { nil }, rates: AuditShares.Rates(alerts: (rate: 0.001, burst: 3)))
    try await Self.with(shares: shares) { caller, audit, store in
      let alerts = (0..<10).map { _ in alert(container: "pod-a") } + [alert(container: "pod-b")]
      let body = String(decoding: try APIJSON.encode(AlertReport(items: alerts)), as: UTF8.self)
      for _ in 0..<2 {
        #expect(try await caller.send(.post, "/v1/alerts", token: "sentinel", body: body).status == .noContent)
      }
      #expect(try await store.alerts(limit: 99).count == 11)
      let targets = await audit.events.filter { $0.action == "alert.raise" }.map(\.target)
      #expect(targets.sorted() == ["agent acme/bot"] + Array(repeating: "agent default/bot", count: 3))
      await shares.tell(AuditTrail(log: audit, logger: Self.logger))
      await shares.tell(AuditTrail(log: audit, logger: Self.logger))
      let told = await audit.events.filter { $0.action == "alert.withhold" }
      #expect(told.map(\.target) == ["tenant default"] && told.first?.details["alerts"] == "7")
    }
  }

  @Test("leaves each tenant its share of a volume that is low, and begins nothing when the rest is reserved")
  func volume() async throws {
    let free = Mutex<UInt64>(50)
    let shares = AuditShares(
      volume: AuditVolume(memory: .zero) { AuditVolume.Size(bytes: 100, free: free.withLock { $0 }) },
      rates: AuditShares.Rates(low: (rate: 0.001, burst: 2)))
    try await Self.with(shares: shares) { caller, audit, _ in
      func append(
        _ tenant: String, _ outcome: String = "allowed", _ action: String = "agent.update"
      ) async throws -> TestResponse {
        try await caller.send(
          .post, "/v1/audit", token: "plane",
          body:
            #"{"actor":"a","action":"\#(action)","target":"agent \#(tenant)/bot","outcome":"\#(outcome)","details":{}}"#
        )
      }
      for _ in 0..<5 { #expect(try await append("noisy").status == .created) }
      free.withLock { $0 = 19 }
      for _ in 0..<2 { #expect(try await append("noisy").status == .created) }
      let refused = try await append("noisy")
      let fault = try problem(refused, .tooManyRequests).fault
      #expect(fault.code == .throttled && fault.reason.contains("noisy") && refused.headers[.retryAfter] != nil)
      #expect(try await append("quiet").status == .created)
      // What its own agents do holds up nobody who would end them.
      let raised = (0..<9).map { _ in alert(container: "pod-b") }
      let report = String(decoding: try APIJSON.encode(AlertReport(items: raised)), as: UTF8.self)
      #expect(try await caller.send(.post, "/v1/alerts", token: "sentinel", body: report).status == .noContent)
      #expect(await audit.count("alert.raise", "raised") == 2)
      #expect(try await append("acme").status == .created)
      for action in ["agent.respond", "agent.stop", "agent.delete"] {
        for _ in 0..<3 { #expect(try await append("noisy", "allowed", action).status == .created) }
      }
      // How it ended what had begun.
      #expect(try await append("noisy", "failed").status == .created)
      free.withLock { $0 = 4 }
      let full = try problem(try await append("quiet"), HTTPResponse.Status(code: 507))
      #expect(full.fault.code == .full && full.fault.remedy.contains("enlarge"))
      #expect(try await append("quiet", "failed").status == .created)
      _ = try problem(try await append("quiet", "allowed", "agent.stop"), HTTPResponse.Status(code: 507))
      let body = String(decoding: try APIJSON.encode(AlertReport(items: [alert(container: "pod-a")])), as: UTF8.self)
      #expect(try await caller.send(.post, "/v1/alerts", token: "sentinel", body: body).status == .noContent)
      #expect(await audit.count("alert.raise", "raised") == 2)
      // Nor of what it does not have, until there is room.
      await shares.tell(AuditTrail(log: audit, logger: Self.logger))
      #expect(await audit.count("alert.withhold", "withheld") == 0)
      free.withLock { $0 = 50 }
      await shares.tell(AuditTrail(log: audit, logger: Self.logger))
      #expect(await audit.count("alert.withhold", "withheld") == 2)
    }
  }
}

private func pod(_ uid: String, _ agent: String, _ node: String?) -> KubernetesObject {
  var fields: [String: JSON] = [
    "metadata": [
      "name": .string("\(agent)-0"), "uid": .string(uid),
      "labels": ["lobstack.dev/agent": "true", "lobstack.dev/name": .string(agent)],
    ]
  ]
  if let node { fields["spec"] = ["nodeName": .string(node)] }
  return KubernetesObject(fields: fields)
}

@Suite("Pods of one service account") struct PodCallerTests {
  @Test("are callers of their own, with a rate each") func callers() {
    func principal(_ pod: String?) -> Principal {
      let extra = pod.map { [ClusterUser.podOfToken: [$0]] } ?? [:]
      let user = ClusterUser(name: "system:serviceaccount:ns:sentinel", extra: extra)
      return Principal(kind: .user(user), name: user.name)
    }
    let pods = [principal("sentinel-a"), principal("sentinel-b"), principal(nil)]
    #expect(Set(pods.map(\.callerKey)).count == 3 && Set(pods.map(\.key)).count == 1)
    #expect(principal(nil).callerKey == principal(nil).key)
    let rate = RateLimiter(rate: 0.001, burst: 1)
    #expect(pods.allSatisfy { rate.take($0.callerKey) == nil } && rate.take(pods[0].callerKey) != nil)
  }
}

@Suite("Whose Pods are") struct PodOwnersTests {
  @Test("is known by the API server's word, also of Pods that are gone, for a while") func gone() {
    let owners = PodOwners(namespaces: [.default: "agents"], mostGone: 2)
    #expect(!owners.isThere())
    // One that waits for a node, one that is no agent's.
    owners.take(.replaced([pod("w", "bot", nil), KubernetesObject(fields: ["metadata": ["uid": "x"]])]), in: "agents")
    #expect(owners.isThere() && owners.agent(ofPod: "w", on: "") == nil && owners.agent(ofPod: "x", on: "n") == nil)
    for number in 0..<5 { owners.take(.changed(pod("\(number)", "bot", "n")), in: "agents") }
    owners.take(.changed(pod("elsewhere", "bot", "n")), in: "other")
    #expect(owners.agent(ofPod: "elsewhere", on: "n") == nil)
    #expect(owners.agent(ofPod: "0", on: "m") == nil)
    owners.take(.deleted(pod("0", "bot", "n")), in: "agents")
    // Deleted while nobody watched.
    owners.take(.replaced([pod("3", "bot", "n"), pod("4", "bot", "n")]), in: "agents")
    let known = (0..<5).map { owners.agent(ofPod: "\($0)", on: "n") != nil }
    #expect(known == [false, true, true, true, true])
    for number in 3..<5 { owners.take(.deleted(pod("\(number)", "bot", "n")), in: "agents") }
    #expect((0..<5).map { owners.agent(ofPod: "\($0)", on: "n") != nil } == [false, false, false, true, true])
  }
}

@Suite("The Pods of a namespace that cannot be followed") struct UnfollowedPodsTests {
  @Test("are waited for a minute, not for ever: others' alerts would wait with theirs") func bounded() throws {
    let gone = try #require(TenantName("gone"))
    let owners = PodOwners(namespaces: [.default: "agents", gone: "agents-gone"])
    let refused = Fault(.denied, operation: "list", reason: "no right", remedy: "give it")
    owners.take(.replaced([pod("a", "bot", "n")]), in: "agents")
    owners.take(.interrupted(refused), in: "agents-gone")
    let end = ContinuousClock.now + PodOwners.longestWait
    #expect(!owners.isThere() && owners.mayBecomeKnown("new") && !owners.mayBecomeKnown("a"))
    // Each try of the watch is refused, which is the same interruption.
    owners.take(.interrupted(refused), in: "agents-gone")
    #expect(owners.isThere(at: end) && !owners.mayBecomeKnown("new", at: end))
    // One that was followed is waited for again.
    owners.take(.interrupted(refused), in: "agents")
    #expect(owners.mayBecomeKnown("new"))
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
