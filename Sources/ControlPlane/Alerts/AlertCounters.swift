import APIModel
import Storage
import Synchronization

/// How many alerts there were since the control plane started, in Prometheus' text form.
final class AlertCounters: Sendable {
  /// Kinds that are told apart; a set of rules has some dozens.
  private static let mostKinds = 1_000

  private struct Kind: Hashable, Comparable {
    var first: String
    var second: String

    static func < (left: Kind, right: Kind) -> Bool { (left.first, left.second) < (right.first, right.second) }
  }

  private struct State {
    var raised: [Kind: Int] = [:]
    var responses: [Kind: Int] = [:]
  }

  private let state = Mutex(State())

  func count(_ recorded: RecordedAlert) {
    let alert = recorded.alert
    state.withLock { state in
      if recorded.before == nil {
        Self.count(Kind(first: alert.rule, second: alert.priority), in: &state.raised)
      }
      if alert.responseState.isOver, alert.responseState != recorded.before {
        Self.count(Kind(first: alert.response, second: alert.responseState.rawValue), in: &state.responses)
      }
    }
  }

  /// - Parameter notForwarded: alerts that an output did not get, by its name.
  func text(notForwarded: [String: Int]) -> String {
    let counts = state.withLock { $0 }
    var lines = Self.head("lobstack_alerts_total", "Alerts that rules raised.")
    for (kind, count) in counts.raised.sorted(by: { $0.key < $1.key }) {
      let labels = "rule=\"\(escapedLabel(kind.first))\",priority=\"\(escapedLabel(kind.second))\""
      lines.append("lobstack_alerts_total{\(labels)} \(count)")
    }
    lines += Self.head("lobstack_alert_responses_total", "Responses to alerts that are over.")
    for (kind, count) in counts.responses.sorted(by: { $0.key < $1.key }) {
      let labels = "response=\"\(escapedLabel(kind.first))\",state=\"\(escapedLabel(kind.second))\""
      lines.append("lobstack_alert_responses_total{\(labels)} \(count)")
    }
    lines += Self.head("lobstack_alerts_not_forwarded_total", "Alerts that an output did not get.")
    for (output, count) in notForwarded.sorted(by: { $0.key < $1.key }) {
      lines.append("lobstack_alerts_not_forwarded_total{output=\"\(escapedLabel(output))\"} \(count)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func count(_ kind: Kind, in counts: inout [Kind: Int]) {
    let isKnown = counts[kind] != nil || counts.count < mostKinds
    counts[isKnown ? kind : Kind(first: "other", second: kind.second), default: 0] += 1
  }

  private static func head(_ name: String, _ help: String) -> [String] {
    ["# HELP \(name) \(help)", "# TYPE \(name) counter"]
  }
}

/// A label's value, as the text format has it.
func escapedLabel(_ text: String) -> String {
  text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
}
