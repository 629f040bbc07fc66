import AgentModel
import Foundation

/// What a rule found in an agent's sandbox, and what was done about it.
package struct AlertResource: Hashable, Sendable, Codable {
  /// Names one alert for good: a UUID that the sentinel makes, so that what it reports twice is stored once.
  package var id: String
  /// When the event happened, by the sandbox's clock.
  package var time: Date
  package var rule: String
  /// By Falco's names: `Emergency` to `Debug`.
  package var priority: String
  /// Falco's source of the event: `syscall`, or `internal` for what the sentinel finds about its own sight.
  package var source: String
  /// Whose sandbox it was; the control plane tells it from `container`.
  package var agent: AgentID?
  /// The sandbox, `<instance>.<agent uid>`.
  package var container: String
  package var hostname: String
  /// The rule's output with the event's values.
  package var output: String
  /// The fields in `output`, by name; null for one that the event does not have.
  package var outputFields: [String: JSONValue]
  package var tags: [String]
  /// What the rule, or else the agent's specification, wants done: `alert` (nothing more), `freeze`, `quarantine` or `kill`.
  package var response: String
  package var responseState: ResponseState
  /// Why the response failed.
  package var responseReason: String?
  /// When the response was over.
  package var responseTime: Date?
  /// Events like it that the rule matched meanwhile and that were not told one by one.
  package var suppressed: Int

  package enum ResponseState: String, Hashable, Sendable, Codable {
    /// The rule's priority or the agent asks for none.
    case none
    case pending
    case done
    case failed
  }

  package init(
    id: String, time: Date, rule: String, priority: String, source: String, agent: AgentID? = nil, container: String,
    hostname: String, output: String, outputFields: [String: JSONValue], tags: [String], response: String,
    responseState: ResponseState, responseReason: String? = nil, responseTime: Date? = nil, suppressed: Int = 0
  ) {
    self.id = id
    self.time = time
    self.rule = rule
    self.priority = priority
    self.source = source
    self.agent = agent
    self.container = container
    self.hostname = hostname
    self.output = output
    self.outputFields = outputFields
    self.tags = tags
    self.response = response
    self.responseState = responseState
    self.responseReason = responseReason
    self.responseTime = responseTime
    self.suppressed = suppressed
  }
}
