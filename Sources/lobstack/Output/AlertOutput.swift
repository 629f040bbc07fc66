import APIModel
import AgentModel
import ArgumentParser
import Manifests

/// How a command prints alerts: `-o table|json|yaml|jsonl|falco`.
struct AlertOutput: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: "Form of the output: table, json, yaml, jsonl (an object a line) or falco (the same, as Falco writes it).")
  var output = AlertFormat.table
}

/// As other listings are, or a line of JSON for each, ours or Falco's.
enum AlertFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, yaml, jsonl, falco

  /// All of them at once.
  func text(_ alerts: [AlertResource]) throws -> String {
    switch self {
    case .table:
      var table = Table("TIME", "PRIORITY", "RULE", "AGENT", "RESPONSE", "OUTPUT")
      for alert in alerts { Self.add(alert, to: &table) }
      return table.rendered() + "\n"
    case .json: return String(decoding: try APIJSON.encode(alerts, pretty: true), as: UTF8.self) + "\n"
    case .yaml: return try YAMLText(json: APIJSON.encode(alerts)).description
    case .jsonl, .falco: return try alerts.map(line).joined()
    }
  }

  /// One of many that come, one after the other.
  func line(_ alert: AlertResource) throws -> String {
    switch self {
    case .table:
      // What an agent wrote must not look like another line: a table shows it so.
      var table = Table()
      Self.add(alert, to: &table)
      return table.rendered() + "\n"
    case .json, .jsonl: return String(decoding: try APIJSON.encode(alert), as: UTF8.self) + "\n"
    case .yaml: return "---\n" + (try YAMLText(json: APIJSON.encode(alert)).description)
    case .falco: return String(decoding: try alert.falcoLine(), as: UTF8.self) + "\n"
    }
  }

  private static func add(_ alert: AlertResource, to table: inout Table) {
    table.add(
      alert.time.short, alert.priority, alert.rule, alert.agent?.description ?? "-", response(alert), alert.output)
  }

  private static func response(_ alert: AlertResource) -> String {
    switch alert.responseState {
    case .none: "-"
    case .pending, .done, .failed: "\(alert.response) \(alert.responseState.rawValue)"
    }
  }
}
