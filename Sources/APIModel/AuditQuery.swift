import AgentModel
import FoundationEssentials

/// Which audit records are looked for; what is `nil` does not matter.
package struct AuditQuery: Hashable, Sendable {
  /// Done to this agent, or by it.
  package var agent: AgentID?
  package var actor: String?
  package var action: AuditActionPattern?
  package var target: String?
  package var outcome: String?
  /// From this time on.
  package var since: Date?
  /// Before this time.
  package var until: Date?

  package init(
    agent: AgentID? = nil, actor: String? = nil, action: AuditActionPattern? = nil, target: String? = nil,
    outcome: String? = nil, since: Date? = nil, until: Date? = nil
  ) {
    self.agent = agent
    self.actor = actor
    self.action = action
    self.target = target
    self.outcome = outcome
    self.since = since
    self.until = until
  }

  package var isEmpty: Bool { self == AuditQuery() }

  package func matches(_ record: AuditRecordResource) -> Bool {
    if let actor, record.actor != actor { return false }
    if let action, !action.matches(record.action) { return false }
    if let target, record.target != target { return false }
    if let outcome, record.outcome != outcome { return false }
    if let agent, record.target != "agent \(agent)", record.actor != "agent:\(agent)" { return false }
    // Each record is asked: a clock may have been set back between two.
    if let since, record.time < since { return false }
    if let until, record.time >= until { return false }
    return true
  }

  /// As the parameters of a request.
  package var parameters: [(String, String?)] {
    [
      ("agent", agent?.description), ("actor", actor), ("action", action?.description), ("target", target),
      ("outcome", outcome), ("since", since.map(APIJSON.text)), ("until", until.map(APIJSON.text)),
    ]
  }
}

/// One action, `agent.create`, or all of a kind, `secret.*`.
package struct AuditActionPattern: ParsedText {
  package static let rule = "an action, as 'agent.create', or all of a kind, as 'secret.*'"

  package let description: String

  package init?(_ text: String) {
    let name = text.hasSuffix(".*") ? text.dropLast(2) : text[...]
    let isName = name.utf8.allSatisfy {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || [UInt8(ascii: "."), UInt8(ascii: "-")].contains($0)
    }
    guard isName, (1...64).contains(name.utf8.count) else { return nil }
    description = text
  }

  package func matches(_ action: String) -> Bool {
    description.hasSuffix("*") ? action.hasPrefix(description.dropLast()) : action == description
  }
}

/// In which order records are given.
package enum AuditOrder: String, Sendable, CaseIterable { case oldest, newest }
