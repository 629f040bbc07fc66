import AgentModel
import Foundation
import Logging
import NetworkIsolation

/// Watches the sandboxes of an instance by the rules of its policy, in touch with its node.
package struct DetectionService: Sendable {
  let server: DetectionServer
  private let rules: RuleWatch
  private let link: NodeLink

  /// Opens the socket of the traces; needs root.
  ///
  /// - Throws: `Fault(.failed)` when it is not to be had.
  package static func open(_ layout: InstanceLayout, logger: Logger) throws -> DetectionService {
    let server = try DetectionServer.open(
      socket: layout.traceSocket, hostName: ProcessInfo.processInfo.hostName, logger: logger)
    let rules = RuleWatch(
      directory: "\(layout.policyDirectory)/falco", serviceAddress: AddressPlan(layout: layout).serviceAddress,
      logger: logger)
    return DetectionService(
      server: server, rules: rules, link: NodeLink(socket: layout.nodeSocket, server: server, logger: logger))
  }

  /// Watches until cancelled.
  package func run() async throws {
    server.start()
    defer { server.stop() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await rules.run { server.tell($0) } }
      group.addTask { try await link.run() }
      defer { group.cancelAll() }
      try await group.next()
    }
  }
}
