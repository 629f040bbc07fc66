import APIClient
import APIModel
import AgentModel
import ChildProcess
import Compliance
import Faults
import Foundation
import NetworkIsolation
import Sandbox
import Synchronization

/// Real agents of the platform under test, made through its API like anyone's.
struct ProbeAgents: Sendable {
  static let tenant = Probe.tenant

  let client: APIClient
  private let site: ProbeSite
  private let layout: InstanceLayout
  private let runtime: SandboxRuntime

  /// - Parameter layout: of the platform that gets the agents.
  static func open(layout: InstanceLayout, site: ProbeSite) async throws -> ProbeAgents {
    let runtime = try await SandboxRuntime.open(
      SandboxRuntime.Configuration(
        executable: site.programs.runtime, rootDirectory: layout.runtimeDirectory,
        seccompDirectory: "\(layout.policyDirectory)/seccomp", instance: layout.instance))
    return ProbeAgents(
      client: APIClient(address: .unix(layout.apiSocket)), site: site, layout: layout, runtime: runtime)
  }

  /// Creates an agent with a name of its own and waits until it runs.
  ///
  /// - Throws: `Fault` with the platform's reason when it does not run within 30 s.
  func make(
    _ suffix: String, image: String, names: ProbeNames? = nil, secrets: [SecretName] = [],
    response: AgentResponse = .alert
  ) async throws -> Target {
    let canary = randomText()
    let id = try name(suffix)
    // The agents of a platform of our own go with it.
    if layout == site.platform { try await site.ledger.record(.agent(apiSocket: layout.apiSocket, id: id)) }
    _ = try await client.createAgent(
      document: try document(
        id, image: image, canary: canary, egress: names?.allowances, secrets: secrets, response: response))
    let agent = try await waitUntilRunning(id)
    try await waitForHeartbeat(agent)
    return try await target(agent, canary: canary, image: image)
  }

  /// An agent document that runs the probe program.
  func document(
    _ id: AgentID, image: String, canary: String, egress: [EgressAllowance]? = nil, secrets: [SecretName] = [],
    response: AgentResponse = .alert
  ) throws -> String {
    struct Document: Encodable {
      struct Metadata: Encodable { var name, tenant: String }
      struct Spec: Encodable {
        var image: String
        var command: [String]
        var env: [String: String]
        var workspace = ["size": "64Mi"]
        var ports = ["http": ProbeProgram.port]
        var secrets: [[String: SecretName]]
        var egress: [EgressAllowance]?
        var response: AgentResponse
      }
      var apiVersion = "lobstack.dev/v1"
      var kind = "Agent"
      var metadata: Metadata
      var spec: Spec
    }
    let document = Document(
      metadata: .init(name: "\(id.name)", tenant: "\(id.tenant)"),
      spec: .init(
        image: "dir:\(image)", command: ProbeProgram.command(), env: ["PROBE_CANARY": canary],
        secrets: secrets.map { ["name": $0] }, egress: egress, response: response))
    return String(decoding: try JSONEncoder().encode(document), as: UTF8.self)
  }

  /// Gives one agent of ours a secret that no other run has.
  ///
  /// - Returns: its value.
  func setSecret(_ name: SecretName, for suffix: String) async throws -> String {
    let id = try self.name(suffix)
    let reference = SecretReference(tenant: id.tenant, agent: id.name, name: name)
    if layout == site.platform {
      try await site.ledger.record(.secret(apiSocket: layout.apiSocket, reference: reference))
    }
    let value = randomText()
    try await client.setSecret(reference, to: SecretValue(Array(value.utf8)))
    return value
  }

  /// A token that may call the agents of a tenant.
  func token(_ purpose: String, for tenant: String = ProbeAgents.tenant) async throws -> String {
    guard let tenant = TenantName(tenant) else { throw NotTestable("'\(tenant)' is no tenant") }
    let created = try await client.createToken(
      TokenRequest(name: "\(site.instance)-\(purpose)", role: .operator, tenant: tenant, expiresInSeconds: 3600))
    // Only now it has an id to be removed by; it ends by itself in an hour.
    if layout == site.platform {
      try await site.ledger.record(.token(apiSocket: layout.apiSocket, id: created.token.id))
    }
    return created.secret
  }

  func name(_ suffix: String) throws -> AgentID {
    guard let id = AgentID("\(Self.tenant)/\(site.instance)-\(suffix)") else {
      throw Fault(
        .invalid, operation: "name a probe", reason: "'\(suffix)' cannot be part of a name", remedy: "report this")
    }
    return id
  }

  func waitUntilRunning(_ id: AgentID, limit: Duration = .seconds(30)) async throws -> AgentResource {
    let end = ContinuousClock.now + limit
    while true {
      let agent = try await client.agent(id)
      switch agent.status.phase {
      case .running where agent.status.observedGeneration >= agent.metadata.generation: return agent
      case .failed:
        throw agent.status.fault
          ?? Fault(
            .failed, operation: "start agent \(id)", reason: agent.status.reason ?? "it failed",
            remedy: "run 'lobstack doctor'")
      default: break
      }
      guard ContinuousClock.now < end else {
        throw Fault(
          .timedOut, operation: "start agent \(id)",
          reason: "it is \(agent.status.phase.rawValue) after \(limit): \(agent.status.reason ?? "no reason given")",
          remedy: "run 'lobstack doctor'")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// The directory of an agent's workspace on the host.
  func workspace(of agent: AgentResource) -> String { "\(layout.agentsDirectory)/\(agent.metadata.uid)/workspace" }

  /// The sandbox's process as the runtime, not the API, knows it.
  func process(of agent: AgentResource) async throws -> Int32? {
    let state = try await runtime.state(SandboxID(instance: layout.instance, uid: agent.metadata.uid))
    guard let state, state.status == .running, state.process > 0 else { return nil }
    return state.process
  }

  /// Until the probe program has made its files and its server.
  private func waitForHeartbeat(_ agent: AgentResource) async throws {
    let file = "\(workspace(of: agent))/\(ProbeProgram.heartbeat)"
    for _ in 0..<200 where !FileManager.default.fileExists(atPath: file) {
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private func target(_ agent: AgentResource, canary: String, image: String) async throws -> Target {
    Target(
      name: "agent \(agent.id)", workspace: workspace(of: agent), imageDirectories: [image, layout.imagesDirectory],
      network: try network(of: agent), canary: canary, process: { try await process(of: agent) },
      run: { script, limit in try await run(script, limit, in: agent.id) })
  }

  private func network(of agent: AgentResource) throws -> TargetNetwork {
    guard let text = agent.status.address?.split(separator: "/").first, let address = IPAddress(String(text)),
      address.bytes.count == 4
    else {
      throw Fault(
        .failed, operation: "find the network of agent \(agent.id)", reason: "its status has no IPv4 address",
        remedy: "run 'lobstack doctor'")
    }
    // Each slot of the instance's /16 is a /30, so the last two bytes tell which it is.
    let slot = (Int(address.bytes[2]) << 8 | Int(address.bytes[3])) / 4
    let network = try AddressPlan(layout: layout).network(slot: slot)
    guard let host = IPAddress(network.hostAddress), network.agentAddress == address.description else {
      throw Fault(
        .failed, operation: "find the network of agent \(agent.id)",
        reason: "slot \(slot) has address \(network.agentAddress), not \(address)", remedy: "run 'lobstack doctor'")
    }
    return TargetNetwork(
      namespace: network.namespace, interface: network.interface, innerInterface: "eth0", hostAddress: host,
      address: address)
  }

  private func run(_ script: String, _ limit: Duration, in id: AgentID) async throws -> ScriptResult {
    let output = Mutex<[UInt8]>([])
    let request = ExecRequest(command: ["/bin/bash", "-c", script], env: ["PATH": "/bin"])
    do {
      let code = try await withDeadline(limit) {
        try await client.exec(id, request, input: AsyncStream { $0.finish() }) { piece in
          let bytes =
            switch piece {
            case .standardOutput(let bytes), .standardError(let bytes): bytes
            }
          // Bounded: what a script says beyond is of no use to a witness.
          output.withLock { if $0.count < 4 << 20 { $0 += bytes } }
        }
      }
      return ScriptResult(code: code, output: String(decoding: output.withLock { $0 }, as: UTF8.self))
    } catch is DeadlinePassed {
      throw Fault(
        .timedOut, operation: "run a script in agent \(id)", reason: "it did not end within \(limit)",
        remedy: "check the load of the machine and try again")
    }
  }
}
