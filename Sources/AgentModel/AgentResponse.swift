/// What is done about an agent when an alert about it is critical, or when the alert's rule asks for it.
package enum AgentResponse: String, Hashable, Sendable, Codable, CaseIterable {
  /// Nothing more than to tell.
  case alert
  /// Its processes are stopped where they are.
  case freeze
  /// Its network is cut and its secrets are taken away; it runs on, to be looked at.
  case quarantine
  /// Its processes are ended.
  case kill
}

extension AgentResponse: Comparable {
  /// The stronger is the greater.
  package static func < (left: AgentResponse, right: AgentResponse) -> Bool { left.strength < right.strength }

  private var strength: Int {
    switch self {
    case .alert: 0
    case .freeze: 1
    case .quarantine: 2
    case .kill: 3
    }
  }
}
