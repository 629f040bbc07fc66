import APIClient
import APIModel
import AgentModel
import Faults
import Foundation
import Logging
import NetworkIsolation

/// Tells the API of every packet that the firewall dropped.
///
/// What it reads was shaped by agents, so it has no privilege: it opens the kernel's event socket as root, then becomes
/// a user that owns nothing and may run no program.
package struct SentinelService: Sendable {
  private static let interval = Duration.seconds(1)
  /// How long a table of the agents' addresses serves before it is asked for anew.
  private static let addressesLifetime = Duration.seconds(5)

  private let reader: DenialReader
  private let plan: AddressPlan
  private let socket: String
  private let logger: Logger

  /// Opens the events of the instance, then drops root for good, in the whole process.
  ///
  /// - Throws: `Fault` when a privilege could not be dropped; the process must end then.
  package static func open(layout: InstanceLayout, logger: Logger) async throws -> SentinelService {
    let reader = try DenialReader.open(group: layout.number)
    try dropPrivileges(to: InstanceLayout.User.sentinel)
    return SentinelService(
      reader: reader, plan: AddressPlan(layout: layout), socket: layout.apiSocket, logger: logger)
  }

  /// Reads and reports until cancelled. While the API is away, reports wait in a bounded queue.
  package func run() async throws {
    reader.start()
    defer { reader.stop() }
    let client = APIClient(address: .unix(socket))
    do {
      try await report(through: client)
    } catch {
      try? await client.shutdown()  // nothing waits for an answer any more
      throw error
    }
  }

  private func report(through client: APIClient) async throws {
    var queue = DenialQueue()
    var addresses: [String: AgentID] = [:]
    var askedAt: ContinuousClock.Instant?
    var isDelivering = true
    while true {
      try await Task.sleep(for: Self.interval)
      let contents = reader.drain()
      if contents.overflow + contents.lost + contents.overruns > 0 {
        logger.warning(
          "Denied packets are not all told",
          metadata: [
            "denials.overflow": "\(contents.overflow)", "denials.lost": "\(contents.lost)",
            "denials.overruns": "\(contents.overruns)",
          ])
      }
      queue.add(contents)
      guard !queue.isEmpty else { continue }
      do {
        if askedAt.map({ ContinuousClock.now - $0 > Self.addressesLifetime }) ?? true {
          addresses = try await agentAddresses(client)
          askedAt = .now
        }
        while let batch = queue.batch(plan: plan, agents: addresses) {
          try await client.reportDenials(batch)
          queue.removeBatch()
        }
        if !isDelivering { logger.info("The API takes reports again") }
        isDelivering = true
      } catch {
        try Task.checkCancellation()
        if isDelivering {
          logger.warning("The API takes no reports; they wait", metadata: ["error": "\(error)"])
        }
        isDelivering = false
      }
    }
  }

  /// Which agent has which address. Where the API does not tell the sentinel, denials are reported without their agent.
  private func agentAddresses(_ client: APIClient) async throws -> [String: AgentID] {
    do {
      let agents = try await client.allAgents()
      return Dictionary(
        agents.compactMap { agent in agent.status.address.map { ($0, agent.id) } },
        uniquingKeysWith: { first, _ in first })
    } catch let fault as Fault where fault.code == .denied || fault.code == .unauthenticated {
      return [:]
    }
  }
}
