import APIClient
import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import NetworkIsolation
import Turns

/// The firewall's table of the second platform, taken away and changed as only root could: no process of the platform is
/// in between, so what is told here is how long it takes to be noticed.
struct FirewallOutage: Sendable {
  let site: HarmedPlatform
  let works: Works

  /// Twice the time between two read-backs, and what stopping and starting takes.
  private static let limit = Duration.seconds(30)

  func find() async throws -> Finding {
    try await site.turn.take {
      let table = FirewallCounters(layout: site.layout).table
      var trials: [Trial] = []
      for (what, command) in [
        ("take the firewall's table away", ["delete", "table", "inet", table]),
        ("open the firewall's table by a rule", ["insert", "rule", "inet", table, "source", "accept"]),
      ] {
        trials.append(try await trial(what, command, table: table))
        // Nothing can be done to a table that did not come back.
        guard trials.last?.verdict == .proven else { return Finding(trials) }
      }
      let opening = try await works.opening()
      trials.append(
        Trial("get out afterwards", withoutControl: try await works.egress(), withControl: opening))
      return Finding(trials)
    }
  }

  private func trial(_ what: String, _ command: [String], table: String) async throws -> Trial {
    let client = site.agents.client
    let alive = try await site.sandbox()
    let before = try await client.agent(site.agent).status
    let whole = try await listing(table)
    try await Command("nft", command).check()
    let start = ContinuousClock.now
    var stopped: Int?
    var restored: Int?
    while start.duration(to: .now) < Self.limit, restored == nil {
      let now = start.duration(to: .now).milliseconds
      if stopped == nil,
        HostProcess(alive.pid)?.startTime != alive.startTime || HostProcess(alive.pid)?.isZombie == true
      {
        stopped = now
      }
      if stopped != nil {
        let status = try await client.agent(site.agent).status
        let isWhole = !status.layers.isEmpty && status.layers.allSatisfy { $0.state == .enforced }
        if status.phase == .running, status.restarts > before.restarts, isWhole, try await listing(table) == whole {
          restored = now
        }
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    let told = restored == nil ? "it ran on" : try await works.recordedEnd(restarts: before.restarts + 1)
    let outcome: AttackOutcome =
      if let stopped, let restored, told.contains("'network'") {
        .prevented(
          "\(stopped) ms later the agent was '\(told)', \(restored) ms later the table was whole and the agent ran again"
        )
      } else {
        .succeeded(
          "stopped after \(stopped.map { "\($0) ms" } ?? "never"), whole again after "
            + "\(restored.map { "\($0) ms" } ?? "never"), told as: \(told)")
      }
    return Trial(
      what, withoutControl: .succeeded("'nft \(command.joined(separator: " "))' was done"), withControl: outcome)
  }

  /// The table without its sets, whose elements come and go with packets and agents.
  private func listing(_ table: String) async throws -> [Substring] {
    let text = try await Command("nft", ["--stateless", "list", "table", "inet", table]).run().standardOutput
    var isSet = false
    return text.split(separator: "\n").filter { line in
      if line.hasPrefix("\tset ") { isSet = true }
      defer { if line == "\t}" { isSet = false } }
      return !isSet
    }
  }
}
