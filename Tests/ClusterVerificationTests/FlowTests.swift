import Faults
import Foundation
import JSONValues
import KubernetesAPI
import Testing
import Verification

@testable import ClusterVerification

/// Flows that the control's Pod reaches and those that the agent reaches, as their probes would tell of them.
@Suite("The judgement of flows") struct FlowTests {
  private static let everything = [
    "listener.tcp", "listener.udp", "listener.icmp", "api", "metadata", "outside.443", "outside.80", "node.192.0.2.1",
    "names.cluster.udp", "names.cluster.tcp", "outside.dns",
  ]

  private static func record(reached: [String], closed: [String] = [], answers: [String: [UInt8]] = [:]) -> ProbeRecord
  {
    let lines =
      reached.map {
        ProbeLine(nonce: "n", id: $0, isDone: true, text: "connected", answer: answers[$0].map { Data($0) })
      }
      + closed.map { ProbeLine(nonce: "n", id: $0, isDone: false, text: "no answer within 3 s") }
    let text = lines.compactMap { try? String(decoding: JSONEncoder().encode($0), as: UTF8.self) }
    return ProbeRecord(Array(text.joined(separator: "\n").utf8), nonce: "n")
  }

  private static func actor(_ record: ProbeRecord) -> Stage.Actor {
    Stage.Actor(
      pod: KubernetesObject(fields: [
        "spec": ["nodeName": "node-1"], "status": ["podIP": "10.244.0.7", "hostIP": "192.0.2.1"],
      ]), record: record)
  }

  private static let query = NameQuery(name: AttackTargets.clusterName, id: 0x4c42).bytes
  private static func answer(code: UInt8, records: UInt8) -> [UInt8] {
    Array(query[..<2]) + [0x81, 0x80 | code, 0, 1, 0, records, 0, 0, 0, 0] + Array(query[12...])
  }

  private static func stage(control: ProbeRecord, attacker: ProbeRecord, victim: ProbeRecord? = nil) -> Stage {
    Stage(
      victim: actor(victim ?? record(reached: ["self"])), listener: actor(record(reached: [])),
      open: .failure(NotTestable("it does not run")), attacker: actor(attacker), control: actor(control),
      targets: AttackTargets(
        listener: "10.244.0.7", victim: "10.244.0.8", nodes: ["192.0.2.1"], api: "10.96.0.1",
        clusterNames: "10.96.0.10",
        agentNames: "10.96.0.53", outside: "198.51.100.1"), nodes: [:])
  }

  private static let open = record(
    reached: everything, answers: ["names.cluster.udp": answer(code: 0, records: 1)])
  private static let attacked = ["victim.tcp", "victim.udp", "names.other", "gateway.allowed", "gateway.other"]

  private func verdict(_ id: String, _ stage: Stage) async throws -> Finding {
    let check = try #require(FlowChecks(stage: Shared { stage }).all.first { $0.id == id })
    let report = try await Runner([check]).run()
    let only = try #require(report.checks.first)
    return Finding(only.verdict, evidence: only.evidence)
  }

  private static let ids = ["NET-1", "NET-2", "NET-3", "NET-4", "NET-5", "NET-6"]

  @Test("proves what the control reaches and the agent does not", arguments: ids) func proven(id: String) async throws {
    var closed = Self.everything + Self.attacked
    closed.removeAll { ["names.other", "gateway.allowed"].contains($0) }
    let agent = Self.record(
      reached: ["names.other", "gateway.allowed"], closed: closed,
      answers: ["names.other": Self.answer(code: 5, records: 0), "gateway.allowed": [22]])
    let control = Self.record(
      reached: Self.everything, closed: Self.attacked,
      answers: ["names.cluster.udp": Self.answer(code: 0, records: 1)])
    let finding = try await verdict(id, Self.stage(control: control, attacker: agent))
    #expect(finding.verdict == .proven, "\(finding.evidence)")
  }

  @Test("fails all of it where the network enforces nothing", arguments: ids) func open(id: String) async throws {
    let all = Self.record(
      reached: Self.everything + Self.attacked,
      answers: [
        "names.cluster.udp": Self.answer(code: 0, records: 1), "names.other": Self.answer(code: 0, records: 1),
      ])
    #expect(try await verdict(id, Self.stage(control: all, attacker: all)).verdict == .failed)
  }

  @Test("proves nothing where the control reaches nothing either", arguments: ids)
  func nothing(id: String) async throws {
    let none = Self.record(reached: [], closed: Self.everything + Self.attacked)
    #expect(try await verdict(id, Self.stage(control: none, attacker: none)).verdict == .notTestable)
  }

  @Test("finds no proof in a probe that says nothing", arguments: ids) func silent(id: String) async throws {
    let finding = try await verdict(id, Self.stage(control: Self.open, attacker: Self.record(reached: [])))
    #expect(finding.verdict != .proven, "\(finding.evidence)")
  }

  @Test("fails when one node's kubelet is reached, and says which") func node() async throws {
    let agent = Self.record(reached: ["node.192.0.2.1"], closed: Self.everything.filter { $0 != "node.192.0.2.1" })
    let finding = try await verdict("NET-4", Self.stage(control: Self.open, attacker: agent))
    #expect(finding.verdict == .failed)
    #expect(finding.evidence.contains { $0.contains("192.0.2.1") && $0.contains("SUCCEEDED") })
  }

  @Test("takes a victim that does not listen for no evidence") func deaf() async throws {
    let stage = Self.stage(
      control: Self.open, attacker: Self.record(reached: []), victim: Self.record(reached: [], closed: ["self"]))
    for id in ["NET-1", "NET-2"] { #expect(try await verdict(id, stage).verdict == .notTestable) }
  }

  @Test(
    "takes another policy's refusal for no evidence",
    arguments: [
      (Fault.Code.denied, #"admission webhook "x" denied the request: [no-latest-tag] tag"#, true),
      (.denied, #"admission webhook "x" denied the request: [image-digests] no digest"#, false),
      (.denied, #"pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged"#, true),
      (.exhausted, "exceeded quota [no-latest-tag]", false),
    ]) func refusal(code: Fault.Code, reason: String, counts: Bool)
  {
    let fault = Fault(code, operation: "create", reason: reason, remedy: "none")
    #expect(AdmissionChecks.isRefusal(fault, of: "no-latest-tag") == counts)
  }

  @Test("proves nothing of allowed hosts without a way through the gateway") func gateway() async throws {
    let agent = Self.record(reached: [], closed: Self.everything + Self.attacked)
    #expect(try await verdict("NET-3", Self.stage(control: Self.open, attacker: agent)).verdict == .notTestable)
  }

  @Test("leaves out what is not there to be attacked, and says so") func metadata() async throws {
    let control = Self.record(reached: Self.everything.filter { $0 != "metadata" }, closed: ["metadata"])
    let agent = Self.record(reached: [], closed: Self.everything)
    let finding = try await verdict("NET-4", Self.stage(control: control, attacker: agent))
    #expect(finding.verdict == .proven)
    #expect(finding.evidence.contains { $0.contains("169.254.169.254") && $0.contains("left out") })
  }
}

@Suite("The judgement of a sandbox") struct SandboxTests {
  private static let node: JSON = [
    "bootID": "0c7f0f6e-77a7-4e9b-8f6a-5e0c9c1f0a11", "kernelVersion": "6.12.0",
    "machineID": "aabbccddeeff00112233445566778899",
  ]

  private func actor(_ lines: [String: (Bool, String)], on node: String = "node-1") -> Stage.Actor {
    let text = lines.compactMap { id, told in
      try? String(
        decoding: JSONEncoder().encode(ProbeLine(nonce: "n", id: id, isDone: told.0, text: told.1)), as: UTF8.self)
    }
    return Stage.Actor(
      pod: KubernetesObject(fields: ["spec": ["nodeName": .string(node)]]),
      record: ProbeRecord(Array(text.joined(separator: "\n").utf8), nonce: "n"))
  }

  private var onTheNode: Stage.Actor {
    actor([
      "file:/proc/sys/kernel/random/boot_id": (true, "0c7f0f6e-77a7-4e9b-8f6a-5e0c9c1f0a11\n"),
      "file:/proc/sys/kernel/osrelease": (true, "6.12.0\n"), "file:/proc/version": (true, "Linux version 6.12.0\n"),
    ])
  }

  private var unbound: Stage.Actor {
    actor([
      "uid": (true, "0"), "CapPrm": (true, "00000000a80425fb"), "CapEff": (true, "00000000a80425fb"),
      "CapBnd": (true, "00000000a80425fb"), "write": (true, "it worked"), "setuid": (true, "it worked"),
      "chown": (true, "it worked"), "mount": (false, "Operation not permitted"),
      "no-new-privileges": (false, "0"), "search:other": (true, "9 processes"), "search:own": (true, "9 processes"),
      "raw-socket": (true, "it worked"), "packet-socket": (true, "it worked"), "foreign-source": (true, "it worked"),
      "file:/host/machine-id": (true, "aabbccddeeff00112233445566778899\n"),
      "file:\(ProbeLook.token)": (true, "900 bytes"),
    ])
  }

  private var agent: Stage.Actor {
    actor([
      "uid": (true, "10001"), "CapPrm": (true, "0000000000000000"), "CapEff": (true, "0000000000000000"),
      "CapBnd": (true, "0000000000000000"), "write": (false, "Read-only file system"),
      "setuid": (false, "Operation not permitted"), "chown": (false, "Operation not permitted"),
      "mount": (false, "Operation not permitted"), "no-new-privileges": (true, "1"),
      "search:other": (false, "1 processes"), "search:own": (true, "1 processes"),
      "raw-socket": (false, "Operation not permitted"), "packet-socket": (false, "Operation not permitted"),
      "foreign-source": (false, "Cannot assign requested address"),
      "file:/host/machine-id": (false, "No such file or directory"),
      "file:/etc/machine-id": (false, "No such file or directory"),
      "file:\(ProbeLook.token)": (false, "0 bytes"),
      "file:/proc/sys/kernel/random/boot_id": (true, "11111111-2222-3333-4444-555555555555\n"),
      "file:/proc/sys/kernel/osrelease": (true, "4.19.0-gvisor\n"),
      "file:/proc/version": (true, "Linux version 4.19.0-gvisor\n"),
    ])
  }

  private func verdict(
    _ id: String, victim: Stage.Actor, open: Stage.Actor, attacker: Stage.Actor? = nil
  ) async throws -> Verdict {
    let stage = Stage(
      victim: victim, listener: onTheNode, open: .success(open), attacker: attacker ?? victim, control: victim,
      targets: AttackTargets(listener: "", victim: "", api: "", agentNames: "", outside: ""),
      nodes: ["node-1": Self.node], host: .success(open))
    let checks = SandboxChecks(stage: Shared { stage })
    let check = try #require((checks.isolation + checks.secrets + checks.network).first { $0.id == id })
    return try #require(try await Runner([check]).run().checks.first).verdict
  }

  private static let ids = ["ISO-1", "ISO-2", "ISO-3", "ISO-5", "ISO-6", "NET-7", "SEC-6"]

  @Test("proves what an agent cannot and the program without bounds can", arguments: ids)
  func proven(id: String) async throws { #expect(try await verdict(id, victim: agent, open: unbound) == .proven) }

  @Test("fails an agent that is as unbound as the control", arguments: ids.dropFirst())
  func failed(id: String) async throws { #expect(try await verdict(id, victim: unbound, open: unbound) == .failed) }

  @Test("fails an agent on the node's own kernel") func kernel() async throws {
    #expect(try await verdict("ISO-1", victim: onTheNode, open: unbound) == .failed)
  }

  @Test("takes a search that does not find its own for no evidence") func search() async throws {
    let blind = actor(["search:other": (false, "0 processes"), "search:own": (false, "0 processes")])
    #expect(try await verdict("ISO-6", victim: blind, open: unbound) == .failed)
  }

  @Test("takes another machine for no sandbox") func apart() async throws {
    let apart = actor(["search:other": (false, "1 processes"), "search:own": (true, "1 processes")], on: "node-2")
    #expect(try await verdict("ISO-6", victim: agent, open: unbound, attacker: apart) == .notTestable)
  }

  @Test("takes no other obstacle for a read-only root") func obstacle() async throws {
    let denied = (false, "Permission denied")
    #expect(try await verdict("ISO-2", victim: actor(["write": denied]), open: unbound) == .failed)
    let writable = actor(["write": denied, "read-only": (false, "0")])
    #expect(try await verdict("ISO-2", victim: writable, open: unbound) == .failed)
    let readOnly = actor(["write": denied, "read-only": (true, "1")])
    #expect(try await verdict("ISO-2", victim: readOnly, open: unbound) == .proven)
  }

  @Test("proves nothing with a control that is bound, too", arguments: ids.dropFirst())
  func bound(id: String) async throws { #expect(try await verdict(id, victim: agent, open: agent) == .notTestable) }
}
