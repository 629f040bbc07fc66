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

  private let reader: DenialReader
  private let socket: String
  private let logger: Logger

  /// Opens the events of the instance, then drops root for good, in the whole process.
  ///
  /// - Throws: `Fault` when a privilege could not be dropped; the process must end then.
  package static func open(layout: InstanceLayout, logger: Logger) async throws -> SentinelService {
    let reader = try DenialReader.open(group: layout.number)
    try dropPrivileges(to: InstanceLayout.User.sentinel)
    return SentinelService(
      reader: reader, socket: layout.apiSocket, logger: logger)
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
        while let batch = queue.batch() {
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
}
