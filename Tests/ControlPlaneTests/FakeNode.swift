import APIModel
import AgentModel
import Faults
import Foundation
import Framing
import NIOCore
import NodeProtocol
import SecretStore

@testable import ControlPlane

/// A node in memory: does at once whatever is wished, and runs a few "programs".
actor FakeNode: NodeConnection {
  private(set) var desired = DesiredState(revision: 0, agents: [])
  private(set) var isDown = false
  /// Programs whose execution was cancelled.
  private(set) var cancelled: [String] = []
  /// Agents that end in this way instead of running.
  private var failing: [AgentName: Fault] = [:]
  private var revision: UInt64 = 1
  /// Secrets that it was told have changed.
  private(set) var told: [SecretReference] = []
  private var tokenRequests: [AgentID] = []
  private var requests: [CertificateRequest] = []

  func ask(for request: CertificateRequest) {
    requests.append(request)
    revision += 1
  }

  /// As whom it wants to log in.
  func ask(toLogInAs agent: AgentID) {
    tokenRequests.append(agent)
    revision += 1
  }

  func secretsChanged(_ reference: SecretReference, in index: VaultIndex?) throws {
    try answer()
    told.append(reference)
  }

  /// What it was asked to do about sandboxes.
  private(set) var orders: [ResponseOrder] = []
  private var responded: Set<String> = []

  func respond(_ order: ResponseOrder) throws {
    try answer()
    orders.append(order)
    responded.insert(order.container)
    revision += 1
  }

  /// What it says that it holds for agents.
  private var held: [AgentName: [SecretReading]] = [:]

  func hold(_ readings: [SecretReading], for agent: AgentName?) {
    if let agent { held[agent] = readings }
    revision += 1
  }

  /// What it says that agents use.
  private(set) var usages: [AgentName: AgentUsage] = [:]

  func use(
    _ name: AgentName, process: Int32 = 7, cpuNanoseconds: UInt64 = 0, memoryBytes: UInt64 = 0,
    at readAt: ContinuousClock.Instant
  ) {
    guard let agent = desired.agents.first(where: { $0.id.name == name }) else { return }
    usages[name] = AgentUsage(
      uid: agent.uid, process: process, readAt: readAt, cpuNanoseconds: cpuNanoseconds, memoryBytes: memoryBytes,
      tasks: 40, cpuLimit: 1, memoryLimit: 2 << 30, taskLimit: 4156)
  }

  func usage() throws -> [AgentUsage] {
    try answer()
    return Array(usages.values)
  }

  func setDown(_ down: Bool) { isDown = down }

  func fail(_ name: AgentName, with fault: Fault) { failing[name] = fault }

  func describe() throws -> NodeDescription {
    try answer()
    return NodeDescription(
      instance: .default, processID: 42, startedAt: Date(timeIntervalSince1970: 0), runtimeVersion: "runsc test",
      runtimePlatform: "ptrace")
  }

  func apply(_ state: DesiredState) throws {
    try answer()
    if state.revision != desired.revision { revision += 1 }
    desired = state
  }

  func observe(after seen: UInt64, waitSeconds: Int) async throws -> ObservedState {
    for _ in 0..<(waitSeconds * 100) {
      try answer()
      if revision > seen { break }
      try await Task.sleep(for: .milliseconds(10))
    }
    return ObservedState(
      revision: revision, agents: desired.agents.map(observed), certificateRequests: requests,
      tokenRequests: tokenRequests)
  }

  private func observed(_ agent: DesiredAgent) -> ObservedAgent {
    let fault = failing[agent.id.name]
    let isHeld = responded.contains("test.\(agent.uid)")
    let phase: AgentPhase =
      agent.wish != .run ? .stopped : fault != nil ? .failed : isHeld ? .quarantined : .running
    return ObservedAgent(
      id: agent.id, uid: agent.uid, generation: agent.generation, phase: phase, fault: fault,
      layers: [LayerStatus(layer: "sandbox", state: phase == .running ? .enforced : .unknown, evidence: "test")],
      destroyed: agent.wish == .destroy, secrets: held[agent.id.name])
  }

  nonisolated func exec(
    uid: AgentUID, command: [String], env: [String: String], directory: String?, input: AsyncStream<Frame>,
    output: @escaping @Sendable (Frame) async throws -> Void
  ) async throws {
    switch command[0] {
    case "cat":
      for await frame in input {
        if frame.kind == .endOfInput { break }
        try await output(Frame(.standardOutput, frame.payload))
      }
      try await exit(0, output)
    case "fail":
      try await output(Frame(.standardError, ByteBuffer(string: "no\n")))
      try await exit(Int32(command[1]) ?? 1, output)
    case "count":
      // Its input is read beside, as by the real client of the node, and no longer than the program runs.
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { for await _ in input {} }
        for number in 1...(Int(command[1]) ?? 1) {
          try await output(Frame(.standardOutput, ByteBuffer(string: "\(number) ")))
          try await Task.sleep(for: .milliseconds(5))
        }
        try await exit(0, output)
        group.cancelAll()
      }
    case "nap":
      try await Task.sleep(for: .milliseconds(Int(command[1]) ?? 1))
      try await exit(0, output)
    case "refuse":
      throw Fault(.conflict, operation: "run refuse", reason: "the agent does not run", remedy: "start it")
    case "sleep":
      // Reads its input as the real client of the node does, also while nothing comes.
      for await _ in input {}
      do { try await Task.sleep(for: .seconds(60)) } catch {
        await noteCancelled(command[0])
        throw error
      }
    default: try await exit(127, output)
    }
  }

  nonisolated func logs(
    uid: AgentUID, tailBytes: Int, follow: Bool, output: @escaping @Sendable (Frame) async throws -> Void
  ) async throws {
    try await output(Frame(.standardOutput, ByteBuffer(string: String("line one\n".suffix(tailBytes)))))
    if follow {
      do { try await Task.sleep(for: .seconds(60)) } catch {
        await noteCancelled("logs")
        throw error
      }
    }
    try await exit(0, output)
  }

  private func noteCancelled(_ program: String) { cancelled.append(program) }

  private nonisolated func exit(_ code: Int32, _ output: @Sendable (Frame) async throws -> Void) async throws {
    try await output(Frame(.exit, ByteBuffer(bytes: try APIJSON.encode(ExitPayload(code: code)))))
  }

  private func answer() throws {
    guard isDown else { return }
    throw Fault(.unavailable, operation: "reach the node", reason: "nobody answers there", remedy: "start the node")
  }
}
