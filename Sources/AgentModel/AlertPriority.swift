/// How severe an alert is, by Falco's names, which are syslog's levels (RFC 5424, table 2); less is more severe.
package enum AlertPriority: Int, Hashable, Sendable, Comparable, CaseIterable {
  case emergency, alert, critical, error, warning, notice, informational, debug

  package static let rule = "a priority: Emergency, Alert, Critical, Error, Warning, Notice, Informational or Debug"

  /// - Parameter text: a name in any case; `info` too.
  package init?(_ text: String) {
    let lower = text.lowercased()
    let name = lower == "info" ? "informational" : lower
    guard let known = Self.allCases.first(where: { $0.description.lowercased() == name }) else { return nil }
    self = known
  }

  package static func < (left: AlertPriority, right: AlertPriority) -> Bool { left.rawValue < right.rawValue }
}

extension AlertPriority: CustomStringConvertible {
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
