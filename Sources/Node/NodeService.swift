import AgentModel
import Documents
import Faults
import Foundation
import Framing
import Glibc
import Images
import Logging
import NetworkIsolation
import NodeProtocol
import Proxy
import Sandbox
import SecretStore

/// The node: the only process that runs as root for as long as the platform does.
package struct NodeService: Sendable {
  package struct Configuration: Sendable {
    package var layout: InstanceLayout
    /// Path of runsc; a bare name is looked up.
    package var runtime: String
    /// CIDRs that may never be opened, from the policy.
    package var deniedDestinations: [String]
    /// What the platform's policy says of its own services.
    package var authorizationPolicies: [AuthorizationPolicy]
    package var upstream: UpstreamSettings
    package var trustDomain: TrustDomain

    package init(
      layout: InstanceLayout, runtime: String = "runsc", trustDomain: TrustDomain = .default,
      deniedDestinations: [String],
      authorizationPolicies: [AuthorizationPolicy] = [], upstream: UpstreamSettings = UpstreamSettings()
    ) {
      self.layout = layout
      self.runtime = runtime
      self.trustDomain = trustDomain
      self.deniedDestinations = deniedDestinations
      self.authorizationPolicies = authorizationPolicies
      self.upstream = upstream
    }
  }

  private let machine: Machine
  private let reconciler: Reconciler
  private let server: NodeServer

  /// Probes the runtime, installs the firewall, adopts what an earlier node left.
  ///
  /// - Throws: `Fault` naming what this machine lacks.
  package static func open(_ configuration: Configuration, logger: Logger) async throws -> NodeService {
    let machine = try await openMachine(configuration, logger: logger)
    let breach = try await closeFirewall(machine)
    let reconciler = Reconciler(machine: machine)
    try await reconciler.adopt(breach)
    let handler = NodeRequests(machine: machine, reconciler: reconciler, startedAt: Date())
    let users = try [0, userID(of: InstanceLayout.User.controlPlane)]
    let server = NodeServer(
      socket: configuration.layout.nodeSocket, allowedUsers: Set(users),
      detectionUsers: [0, try userID(of: InstanceLayout.User.sentinel)], handler: handler, logger: logger)
    return NodeService(machine: machine, reconciler: reconciler, server: server)
  }

  /// Puts the firewall in force.
  ///
  /// - Returns: Who was without it.
  private static func closeFirewall(_ machine: Machine) async throws -> FirewallBreach? {
    let file = machine.layout.installedTableFile
    // Without it, or if it cannot be read, any other table than this version's own counts as a breach.
    let earlier = FileManager.default.contents(atPath: file)
      .flatMap { try? JSONDecoder().decode(InstalledTable.self, from: $0) }
    let (installed, breach) = try await machine.network.install(after: earlier)
    try writeAtomically(installed, to: file)
    return breach
  }

  /// Serves and reconciles until cancelled. The agents go on running.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      group.addTask { await reconciler.run() }
      try await group.next()
      group.cancelAll()
    }
  }

  /// Ends every agent of the instance and removes its kernel objects; files stay.
  ///
  /// - Parameter grace: how long the agents' programs have after SIGTERM.
  package static func drain(
    _ configuration: Configuration, grace: Duration = .zero, logger: Logger
  ) async throws {
    let machine = try await openMachine(configuration, logger: logger)
    if grace > .zero { try await terminate(machine, grace: grace) }
    try await deleteSandboxes(machine)
    let directories = (try? FileManager.default.contentsOfDirectory(atPath: configuration.layout.agentsDirectory)) ?? []
    for uid in directories.compactMap(AgentUID.init) { try await machine.files(uid).unmount() }
    try await machine.network.uninstall()
    try await machine.runtime.close()
  }

  /// Several at a time: runsc waits for each to be gone.
  private static func deleteSandboxes(_ machine: Machine) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, sandbox) in try await machine.runtime.list().enumerated() {
        if number >= 8 { try await group.next() }
        group.addTask { try await machine.runtime.delete(sandbox.id) }
      }
      try await group.waitForAll()
    }
  }

  /// Asks all programs at once to end, and returns when they have or their time is over.
  private static func terminate(_ machine: Machine, grace: Duration) async throws {
    let deadline = ContinuousClock.now + grace
    for sandbox in try await machine.runtime.list() where sandbox.status == .running {
      do { try await machine.runtime.kill(sandbox.id, signal: SIGTERM) } catch {
        // It is ended by force soon, whatever was in the way.
        machine.logger.warning("No SIGTERM", metadata: ["sandbox.id": "\(sandbox.id)", "error": "\(error)"])
      }
    }
    while ContinuousClock.now < deadline,
      try await machine.runtime.list().contains(where: { $0.status == .running })
    {
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private static func openMachine(_ configuration: Configuration, logger: Logger) async throws -> Machine {
    let layout = configuration.layout
    // After a start of the machine they are not there.
    for path in [layout.runtimeDirectory, layout.bundlesDirectory] {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
    let reaper = try OrphanReaper.start()
    let runtime = try await SandboxRuntime.open(
      SandboxRuntime.Configuration(
        executable: configuration.runtime, rootDirectory: layout.runtimeDirectory,
        seccompDirectory: "\(layout.policyDirectory)/seccomp", instance: layout.instance))
    let resolvers = try configuration.upstream.resolvers()
    let network = try NetworkIsolation(
      layout: layout, deniedDestinations: configuration.deniedDestinations, resolvers: resolvers)
    let sessions = AgentSessions(
      client: VaultClient(address: try VaultAddress(of: layout), logger: logger))
    let secrets = AgentSecrets(layout: layout, sessions: sessions, logger: logger)
    let proxy = try openProxy(configuration, network: network, secrets: secrets, logger: logger)
    await secrets.onChange { try await proxy.secretsChanged() }
    return Machine(
      layout: layout, runtime: runtime, network: network, images: ImageStore(directory: layout.imagesDirectory),
      reaper: reaper, sessions: sessions, secrets: secrets, proxy: proxy,
      watch: try SandboxWatch(layout: layout), logger: logger)
  }
}

/// - Throws: `Fault(.notFound)` when the system has no such user.
private func userID(of name: String) throws -> UInt32 {
  guard let entry = getpwnam(name) else {
    throw Fault(
      .notFound, operation: "look up user \(name)", reason: "the system has no such user", remedy: "run scripts/setup")
  }
  return entry.pointee.pw_uid
}
