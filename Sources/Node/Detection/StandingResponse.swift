import AgentModel
import Foundation

/// The response that is in force about an agent, until its sandbox is another one.
struct StandingResponse: Codable, Hashable, Sendable {
  var response: AgentResponse
  var rule: String
  /// The alert that it answers.
  var alert: String
  var time: Date
  /// Of the sandbox.
  var generation: Int64
  /// Why it is another one than was ordered, or why the sandbox was over before.
  var remark: String?
  /// Who wanted it, where no rule did.
  var person: String?

  var words: String {
    let done =
      switch response {
      case .alert: "told"
      case .freeze: "frozen"
      case .quarantine: "cut off from network and secrets"
      case .kill: "killed"
      }
    let cause = person.map { "as \($0) wanted" } ?? "in response to alert \(alert) of rule '\(rule)'"
    return "\(done) \(cause)" + (remark.map { "; \($0)" } ?? "")
  }
}
