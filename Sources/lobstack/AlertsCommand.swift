import APIClient
import APIModel
import AgentModel
import ArgumentParser
import Faults
import Foundation
import Synchronization

struct AlertsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alerts", abstract: "List what detection rules found in agents' sandboxes, newest first.",
    discussion: """
      With --follow it prints each alert as it is raised, and once more when its response is over, until Ctrl-C; with \
      --since it begins with those that are stored.
      """)

  @Option(help: ArgumentHelp("Only of this agent: NAME or TENANT/NAME.", valueName: "agent"))
  var agent: String?

  @Option(help: "Only of agents of this tenant.", transform: parseText)
  var tenant: TenantName?

  @Option(
    help: ArgumentHelp("Only of this priority and more severe: Emergency to Debug.", valueName: "priority"),
    transform: parsePriority)
  var priority: AlertPriority?

  @Option(help: "Only of this rule.")
  var rule: String?

  @Option(
    help: ArgumentHelp(
      "Only since this time, 2026-01-31T12:00:00Z, or so long ago: 90s, 30m, 12h or 7d.", valueName: "when"))
  var since: MomentOption?

  @Option(help: "Most alerts to list.")
  var limit = 50

  @Flag(name: .shortAndLong, help: "Print alerts as they come, until Ctrl-C.")
  var follow = false

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: AlertOutput

  func run() async throws {
    let (filter, format, limit) = (try filter, format.output, limit)
    if follow { return try await connection.withClient { try await Self.follow(filter, format, through: $0) } }
    let alerts = try await connection.withClient { try await Self.list(filter, limit: limit, from: $0) }
    try Self.write(try format.text(alerts))
  }

  private var filter: AlertFilter {
    get throws {
      let id = try agent.map { try AgentArgument.id($0, tenant: tenant) }
      return AlertFilter(agent: id, tenant: tenant, priority: priority, rule: rule, since: since?.date)
    }
  }

  private static func list(_ filter: AlertFilter, limit: Int, from client: APIClient) async throws -> [AlertResource] {
    var alerts: [AlertResource] = []
    var cursor: String?
    repeat {
      let page = try await client.alerts(
        filter, limit: min(limit - alerts.count, APIProtocol.longestPage), cursor: cursor)
      alerts += page.items
      cursor = page.next
    } while cursor != nil && alerts.count < limit
    return alerts
  }

  /// A stream ends when the control plane starts again, or after a while at the gateway; the next goes on after it.
  private static func follow(_ filter: AlertFilter, _ format: AlertFormat, through client: APIClient) async throws {
    let place = Mutex<Int64?>(nil)
    while true {
      do {
        try await client.followAlerts(filter, after: place.withLock { $0 }) { event in
          switch event {
          case .reached(let reached): place.withLock { $0 = reached }
          case .alert(let alert, let reached):
            try write(try format.line(alert))
            place.withLock { $0 = reached }
          }
        }
      } catch let fault as Fault where fault.code == .unavailable {
        // The first connection has to come about: what never answered may be the wrong address.
        guard place.withLock({ $0 }) != nil else { throw fault }
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  private static func write(_ text: String) throws {
    try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
  }

  mutating func validate() throws {
    guard (1...Self.mostListed).contains(limit) else {
      throw ValidationError("--limit is not between 1 and \(Self.mostListed)")
    }
    _ = try filter
  }

  private static let mostListed = 100_000
}

/// As Falco names them.
@Sendable private func parsePriority(_ text: String) throws -> AlertPriority {
  guard let priority = AlertPriority(text) else { throw ValidationError("'\(text)' is not \(AlertPriority.rule)") }
  return priority
}
