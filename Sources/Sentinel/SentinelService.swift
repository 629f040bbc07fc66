import APIClient
import APIModel
import AgentModel
import Deadlines
import Faults
import Foundation
import Glibc
import Logging
import NameResolution
import NameServing
import NetworkIsolation

/// Watches what happens in the sandboxes; answers the agents' DNS queries; tells the API of every alert, and of every
/// packet, query and request of theirs that was refused.
///
/// What it reads was shaped by agents, so it has no privilege: it opens its sockets as root, then becomes a user that
/// owns nothing and may run no program.
package struct SentinelService: Sendable {
  private static let interval = Duration.seconds(1)

  /// Where the agents' names are resolved.
  package struct NameService: Hashable, Sendable {
    package var address: IPv4Address
    package var port: UInt16
    /// The file of the `ResolverTable`.
    package var tableFile: String

    package init(address: IPv4Address, port: UInt16, tableFile: String) {
      self.address = address
      self.port = port
      self.tableFile = tableFile
    }
  }

  private let reader: DenialReader
  private let resolver: ResolverServer?
  private let proxyLog: ProxyLogReader?
  private let detection: DetectionService
  private let socket: String
  private let logger: Logger

  /// Opens the events and sockets of the instance, then drops root for good, in the whole process.
  ///
  /// To be called on the process's first thread before anything is awaited: later that thread sleeps in Dispatch, where
  /// the C library does not reach it, and it would stay root.
  ///
  /// - Parameters:
  ///   - names: `nil` leaves the agents without DNS.
  ///   - proxyLog: the node proxy's log of denials, if there is a node proxy.
  /// - Throws: `Fault` when a privilege could not be dropped; the process must end then.
  package static func open(
    layout: InstanceLayout, names: NameService? = nil, proxyLog: String? = nil, logger: Logger
  ) throws -> SentinelService {
    let reader = try DenialReader.open(group: layout.number)
    let resolver = try names.map {
      try ResolverServer.open(
        address: $0.address, port: $0.port, names: TableFile(path: $0.tableFile, logger: logger))
    }
    let detection = try DetectionService.open(layout, logger: logger)
    try dropPrivileges(to: InstanceLayout.User.sentinel)
    return SentinelService(
      reader: reader, resolver: resolver, proxyLog: proxyLog.map { ProxyLogReader(path: $0, logger: logger) },
      detection: detection, socket: layout.apiSocket, logger: logger)
  }

  /// Reads and reports until cancelled. While the API is away, reports wait in a bounded queue.
  package func run() async throws {
    reader.start()
    resolver?.start()
    proxyLog?.start()
    defer {
      reader.stop()
      resolver?.stop()
      proxyLog?.stop()
    }
    let client = APIClient(address: .unix(socket))
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await report(through: client) }
        group.addTask { try await reportAlerts(through: client) }
        group.addTask { try await detection.run() }
        defer { group.cancelAll() }
        try await group.next()
      }
    } catch {
      try? await client.shutdown()  // nothing waits for an answer any more
      throw error
    }
  }

  /// Reports alerts as they come. While the API is away they wait in a bounded queue.
  private func reportAlerts(through client: APIClient) async throws {
    var delivery = Delivery(of: "alerts", logger: logger)
    let alerts = detection.server.alerts
    for await _ in alerts.raised {
      // One by one once a report was refused, so that one alert costs no other.
      var most = AlertReport.longest
      while case let batch = alerts.batch(most: most), !batch.isEmpty {
        do {
          try await client.reportAlerts(batch)
          alerts.removeBatch()
          delivery.succeeded()
        } catch {
          try Task.checkCancellation()
          delivery.failed(error)
          if (error as? Fault)?.code == .invalid {
            // What is not taken for good would stand in the way of all others.
            if batch.count == 1 { alerts.removeBatch() }
            most = 1
          } else {
            try await Task.sleep(for: Self.interval)
          }
        }
      }
    }
    try Task.checkCancellation()
  }

  private func report(through client: APIClient) async throws {
    var queue = DenialQueue()
    var findings = DenialFindings()
    var delivery = Delivery(of: "reports", logger: logger)
    while true {
      try await Task.sleep(for: Self.interval)
      drain(into: &queue, &findings)
      for (finding, place) in findings.take(now: nanoseconds(of: CLOCK_MONOTONIC)) {
        detection.server.tell(.finding(finding, at: place))
      }
      guard !queue.isEmpty else { continue }
      do {
        while let batch = queue.batch() {
          try await client.reportDenials(batch)
          queue.removeBatch()
        }
        delivery.succeeded()
      } catch {
        try Task.checkCancellation()
        delivery.failed(error)
      }
    }
  }

  private func drain(into queue: inout DenialQueue, _ findings: inout DenialFindings) {
    let packets = reader.drain()
    queue.add(packets)
    findings.add(packets.denials)
    if packets.overflow + packets.lost + packets.overruns > 0 {
      logger.warning(
        "Denied packets are not all told",
        metadata: [
          "denials.overflow": "\(packets.overflow)", "denials.lost": "\(packets.lost)",
          "denials.overruns": "\(packets.overruns)",
        ])
    }
    if let queries = resolver?.drain() {
      queue.add(queries.attempts)
      findings.add(queries.attempts.attempts)
      if queries.limited + queries.closed + queries.unsent > 0 {
        logger.warning(
          "DNS queries were not all answered",
          metadata: [
            "dns.limited": "\(queries.limited)", "dns.closed": "\(queries.closed)",
            "dns.unsent": "\(queries.unsent)",
          ])
      }
    }
    if let requests = proxyLog?.drain() {
      queue.add(requests.attempts)
      findings.add(requests.attempts.attempts)
      if requests.malformed > 0 {
        logger.warning(
          "Lines of the proxy's log are not as they should be", metadata: ["lines": "\(requests.malformed)"])
      }
    }
  }
}

/// Whether the API takes what it is sent; each change of that is told once.
private struct Delivery {
  private let what: String
  private let logger: Logger
  private var isWorking = true

  init(of what: String, logger: Logger) {
    self.what = what
    self.logger = logger
  }

  mutating func succeeded() {
    if !isWorking { logger.info("The API takes \(what) again") }
    isWorking = true
  }

  mutating func failed(_ error: any Error) {
    if isWorking { logger.warning("The API takes no \(what); they wait", metadata: ["error": "\(error)"]) }
    isWorking = false
  }
}
