import AgentModel
import Faults
import Foundation
import Framing
import Glibc
import Images
import Logging
import NetworkIsolation
import NodeProtocol
import Sandbox

/// The node: the only process that runs as root for as long as the platform does.
package struct NodeService: Sendable {
  package struct Configuration: Sendable {
    package var layout: InstanceLayout
    /// Path of runsc; a bare name is looked up.
    package var runtime: String
    /// CIDRs that may never be opened, from the policy.
    package var deniedDestinations: [String]

    package init(layout: InstanceLayout, runtime: String = "runsc", deniedDestinations: [String]) {
      self.layout = layout
      self.runtime = runtime
      self.deniedDestinations = deniedDestinations
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
    try await machine.network.install()
    let reconciler = Reconciler(machine: machine)
    try await reconciler.adopt()
    let handler = NodeRequests(machine: machine, reconciler: reconciler, startedAt: Date())
    let users = try [0, userID(of: InstanceLayout.User.controlPlane)]
    let server = NodeServer(
      socket: configuration.layout.nodeSocket, allowedUsers: Set(users), handler: handler, logger: logger)
    return NodeService(machine: machine, reconciler: reconciler, server: server)
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
  package static func drain(_ configuration: Configuration, logger: Logger) async throws {
    let machine = try await openMachine(configuration, logger: logger)
    for sandbox in try await machine.runtime.list() { try await machine.runtime.delete(sandbox.id) }
    let directories = (try? FileManager.default.contentsOfDirectory(atPath: configuration.layout.agentsDirectory)) ?? []
    for uid in directories.compactMap(AgentUID.init) { try await machine.files(uid).volume.unmount() }
    try await machine.network.uninstall()
  }

  private static func openMachine(_ configuration: Configuration, logger: Logger) async throws -> Machine {
    let layout = configuration.layout
    let reaper = try OrphanReaper.start()
    let runtime = try await SandboxRuntime.open(
      SandboxRuntime.Configuration(
        executable: configuration.runtime, rootDirectory: layout.runtimeDirectory,
        seccompDirectory: "\(layout.policyDirectory)/seccomp", instance: layout.instance))
    return Machine(
      layout: layout, runtime: runtime,
      network: try NetworkIsolation(layout: layout, deniedDestinations: configuration.deniedDestinations),
      images: ImageStore(directory: layout.imagesDirectory), reaper: reaper, logger: logger)
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
