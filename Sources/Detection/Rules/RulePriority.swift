/// How severe what a rule finds is, by syslog's levels (RFC 5424, table 2); less is more severe.
package enum RulePriority: Int, Hashable, Sendable, Comparable, CaseIterable {
  case emergency, alert, critical, error, warning, notice, informational, debug

  /// - Parameter text: a name in any case; `info` too.
  package init?(_ text: String) {
    let lower = text.lowercased()
    if lower == "info" {
      self = .informational
    } else if let known = Self.allCases.first(where: { $0.description.lowercased() == lower }) {
      self = known
    } else {
      return nil
    }
  }

  package static func < (left: RulePriority, right: RulePriority) -> Bool { left.rawValue < right.rawValue }
}

extension RulePriority: CustomStringConvertible {
  package var description: String {
    switch self {
    case .emergency: "Emergency"
    case .alert: "Alert"
    case .critical: "Critical"
    case .error: "Error"
    case .warning: "Warning"
    case .notice: "Notice"
    case .informational: "Informational"
    case .debug: "Debug"
    }
  }
}
