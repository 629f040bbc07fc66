import APIModel
import AgentModel
import ChildProcess
import Foundation
import Glibc
import JSONValues
import KubernetesAPI
import TestSupport
import Testing

/// The real recorder, with real control planes before a real API server: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite("The recorder of a cluster", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(4)))
struct ClusterRecorderTests {
  private static let port = 7643

  @Test("has every change before it is done, of every replica, in one log that proves itself") func audit()
    async throws
  {
    try await Self.with { world, recorder in
      let token = try await world.account("ci", .default, role: "lobstack-agent-editor").token()
      let auditor = try await world.auditor()
      let refused = try await world.lobstack(["audit", "list"], as: token)
      #expect(refused.code == 1 && refused.error.contains("may not get agents/audit"), "\(refused)")

      try await world.lobstack(["agent", "create", "bot", "--image", "docker://r.test/bot:1"], as: token).ok()
      try await world.lobstack(["agent", "stop", "bot"], on: 1, as: token).ok()
      let records = try await world.lobstack(["audit", "list", "-o", "json"], as: auditor).ok()
        .json([AuditRecordResource].self)
      let name = "system:serviceaccount:lobstack-agents:ci"
      #expect(
        records.filter { $0.outcome == "allowed" && $0.actor == name }.map(\.action) == ["agent.create", "agent.stop"])
      #expect(records.map(\.index) == records.indices.map { UInt64($0) })
      let last = "\(records.count - 1)"
      try await world.lobstack(["audit", "prove", last], on: 1, as: auditor).ok()
      let note = "\(world.server.directory)/checkpoint"
      let checkpoint = try await world.lobstack(["audit", "checkpoint"], as: auditor).ok()
      try checkpoint.output.write(toFile: note, atomically: true, encoding: .utf8)

      // Away: nothing is changed, and everything is read that is read elsewhere.
      try await recorder.stop()
      let away = try await world.lobstack(["agent", "start", "bot"], as: token)
      #expect(away.code == 3 && away.error.contains("recorder"), "\(away)")
      try await world.lobstack(["agent", "get", "bot"], as: token).ok()
      let unread = try await world.lobstack(["audit", "list"], as: auditor)
      #expect(unread.code == 3, "\(unread)")
      let verified = try await Command(
        TestPlatform.binary, ["audit", "verify", "--directory", "\(recorder.directory)/audit", "--witness", note]
      ).run()
      #expect(verified.status == .exited(0), "\(verified.standardOutput)")
      let agent = try await world.client.get(
        ResourceType(group: "lobstack.dev", plural: "agents"), "bot", namespace: world.namespace(.default))
      #expect(agent.annotations["lobstack.dev/stopped"] == "true")

      // There again, with all that was recorded.
      try await recorder.start()
      try await world.lobstack(["agent", "start", "bot"], as: token).ok()
      let after = try await world.lobstack(["audit", "list", "-o", "json"], as: auditor).ok()
        .json([AuditRecordResource].self)
      #expect(Array(after.prefix(records.count)).map(\.leafHash) == records.map(\.leafHash))
      #expect(after.count { $0.action == "agent.start" && $0.outcome == "allowed" } == 1)
    }
  }

  @Test("keeps what sentinels report, for those who may see it, with what became of it") func alerts() async throws {
    try await Self.with { world, recorder in
      let acme = try #require(TenantName("acme"))
      let viewer = try await world.account("viewer", .default, role: "lobstack-agent-viewer").token()
      let other = try await world.account("other", acme, role: "lobstack-agent-viewer").token()
      func pod(_ tenant: TenantName, on node: String = "node-1") async throws -> String {
        try await PlacedPod(agent: "bot-\(node)", in: world.namespace(tenant), on: node, by: world.client).uid
      }
      func alert(_ pod: String, _ rule: String) -> AlertResource {
        AlertResource(
          id: UUID().uuidString.lowercased(), time: .now, rule: rule, priority: "Warning", source: "syscall",
          // Whose it says that it is, is nobody's word.
          agent: AgentID("default/bot"), container: pod, hostname: "h", output: "o",
          outputFields: ["proc.pid": .int(1)], tags: ["shell"], response: "kill", responseState: .pending)
      }
      let (own, others, far) = (try await pod(.default), try await pod(acme), try await pod(.default, on: "node-2"))
      // The API server has told of the last of them: then of all.
      try await eventually("the recorder knows the Pods", within: .seconds(10)) {
        try? await recorder.report([alert(far, "Known")], as: recorder.sentinels["node-2"])
        return try await world.lobstack(["alerts", "-o", "json"], as: viewer).ok().json([AlertResource].self).count > 0
      }
      var first = alert(own, "Shell")
      try await recorder.report([first, alert(others, "Miner"), alert(far, "Lie")])
      // Nobody else's word.
      await #expect(throws: (any Error).self) { try await recorder.report([first], as: recorder.plane) }
      var foreign = first
      foreign.responseState = .failed
      try await recorder.report([foreign], as: recorder.sentinels["node-2"])
      let listed = try await world.lobstack(["alerts", "-o", "json"], as: viewer).ok().json([AlertResource].self)
      #expect(listed.filter { $0.rule != "Known" }.map(\.rule) == ["Shell"] && listed.first?.tags == ["shell"])
      #expect(listed.first?.outputFields["proc.pid"] == .int(1) && listed.first?.responseState == .pending)
      let theirs = try await world.lobstack(["alerts", "-o", "json"], on: 1, as: other).ok().json([AlertResource].self)
      #expect(theirs.map(\.rule) == ["Miner"])

      first.responseState = .done
      try await recorder.report([first])
      let stream = try await world.curl(
        "/v1/alerts/stream?follow=false", ["-H", "Authorization: Bearer \(viewer)", "-H", "Last-Event-ID: 0"])
      #expect(stream.status == 200 && stream.body.contains(#""responseState":"done""#), "\(stream)")
      #expect(!stream.body.contains("Miner") && !stream.body.contains("Lie"))

      // Killed, it has everything that it answered; a Pod that came and went while nobody looked is nobody's.
      try await recorder.kill()
      try await recorder.start()
      let after = try await world.lobstack(["alerts", "-o", "json"], as: viewer).ok().json([AlertResource].self)
      #expect(after.first?.rule == "Shell" && after.first?.responseState == .done)
      let auditor = try await world.auditor()
      let records = try await world.lobstack(["audit", "list", "-o", "json"], as: auditor).ok()
        .json([AuditRecordResource].self)
      #expect(records.contains { $0.action == "alert.respond" && $0.outcome == "done" })
      #expect(records.contains { $0.actor == "sentinel@node-2" && $0.details["reason"] == "node" })
    }
  }

  private static func with(_ body: (ClusterWorld, RunningRecorder) async throws -> Void) async throws {
    try await ClusterWorld.with { world in
      let recorder = try await RunningRecorder(world, port: port)
      try await recorder.start()
      let result: Result<Void, any Error>
      do {
        try await world.planes(2, options: recorder.options) { try await body(world, recorder) }
        result = .success(())
      } catch { result = .failure(error) }
      try await recorder.stop()
      try result.get()
    }
  }
}
