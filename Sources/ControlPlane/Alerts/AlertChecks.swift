import APIModel
import AgentModel
import Faults
import FoundationEssentials

/// Refuses a report that holds anything but alerts of bounded size: what stands in them was influenced by agents.
///
/// - Throws: `Fault(.invalid)` naming the field.
func checkAlerts(_ report: AlertReport, operation: String) throws {
  guard report.items.count <= AlertReport.longest else {
    throw Fault(
      .invalid, operation: operation, reason: "\(report.items.count) alerts, more than \(AlertReport.longest)",
      remedy: "send several reports")
  }
  for (index, alert) in report.items.enumerated() {
    for check in alertChecks where !check.holds(alert) {
      throw Fault(
        .invalid, operation: operation, reason: "items[\(index)].\(check.field) is not valid",
        remedy: "give \(check.rule)")
    }
  }
}

private struct AlertCheck: Sendable {
  let field: String
  let rule: String
  let holds: @Sendable (AlertResource) -> Bool

  init(_ field: String, _ rule: String, _ holds: @escaping @Sendable (AlertResource) -> Bool) {
    self.field = field
    self.rule = rule
    self.holds = holds
  }

  /// A text of 1 to so many bytes.
  init(_ field: String, longest: Int, _ text: @escaping @Sendable (AlertResource) -> String) {
    self.init(field, "1 to \(longest) bytes") { (1...longest).contains(text($0).utf8.count) }
  }
}

private let alertChecks: [AlertCheck] = [
  AlertCheck("id", "a UUID") { UUID(uuidString: $0.id) != nil },
  AlertCheck("rule", longest: 256) { $0.rule },
  AlertCheck("priority", AlertPriority.rule) { AlertPriority($0.priority)?.description == $0.priority },
  AlertCheck("source", longest: 64) { $0.source },
  AlertCheck("container", longest: 128) { $0.container },
  AlertCheck("hostname", "at most 255 bytes") { $0.hostname.utf8.count <= 255 },
  AlertCheck("output", "at most 16384 bytes") { $0.output.utf8.count <= 16_384 },
  AlertCheck("outputFields", "at most 256 fields, with names of 1 to 128 bytes") { alert in
    alert.outputFields.count <= 256 && alert.outputFields.keys.allSatisfy { (1...128).contains($0.utf8.count) }
  },
  AlertCheck("tags", "at most 64 tags of at most 128 bytes") { alert in
    alert.tags.count <= 64 && alert.tags.allSatisfy { $0.utf8.count <= 128 }
  },
  AlertCheck("response", "alert, freeze, quarantine or kill") {
    ["alert", "freeze", "quarantine", "kill"].contains($0.response)
  },
  AlertCheck("responseReason", "at most 4096 bytes") { ($0.responseReason ?? "").utf8.count <= 4_096 },
  AlertCheck("suppressed", "0 or more") { $0.suppressed >= 0 },
]
