import AgentModel
import Faults
import JSONValues

/// A condition of an Agent (`meta/v1` Condition).
struct Condition: Hashable, Sendable {
  enum Kind: String, Sendable, CaseIterable {
    /// The document can be carried out.
    case accepted = "Accepted"
    /// Everything but the agent's Pod is there: policies, identity, gateway.
    case secured = "Secured"
    /// Its identity is known to the secrets manager. Only where it has secrets.
    case identified = "Identified"
    /// The Pod of its gateway is ready.
    case gatewayReady = "GatewayReady"
    /// The agent runs, and its gateway does.
    case ready = "Ready"
  }

  enum State: String, Sendable {
    case yes = "True"
    case no = "False"
    case unknown = "Unknown"
  }

  var kind: Kind
  var state: State
  /// A word for programs.
  var reason: String
  /// For people: why, and what to do.
  var message: String

  init(_ kind: Kind, _ state: State, _ reason: String, _ message: String) {
    self.kind = kind
    self.state = state
    self.reason = reason
    self.message = String(message.prefix(4096))
  }
}

/// The status of an Agent, as the operator has it be.
struct AgentConditions: Hashable, Sendable {
  var phase: AgentPhase
  var reason: String?
  var conditions: [Condition]
  var generation: Int

  /// What of a status is the operator's to say.
  static func own(_ status: JSON) -> JSON {
    guard var fields = status.object, let conditions = fields["conditions"]?.array else { return status }
    fields["conditions"] = .array(
      conditions.filter { $0["type"]?.string.flatMap(Condition.Kind.init) != nil })
    return .object(fields)
  }

  /// What is to be applied as its status. A condition that has not changed keeps its time.
  ///
  /// - Parameters:
  ///   - now: RFC 3339.
  ///   - before: the status that it has.
  ///   - accepted: the document that is in force; by default the one that was.
  func status(now: String, before: JSON?, accepted: String? = nil) -> JSON {
    let old = Dictionary(
      (before?["conditions"]?.array ?? []).compactMap { item in item["type"]?.string.map { ($0, item) } }
    ) { first, _ in first }
    let list = conditions.map { condition -> JSON in
      let last = old[condition.kind.rawValue]
      let isSame = last?["status"]?.string == condition.state.rawValue
      return [
        "type": .string(condition.kind.rawValue), "status": .string(condition.state.rawValue),
        "reason": .string(condition.reason), "message": .string(condition.message),
        "observedGeneration": .int(generation),
        "lastTransitionTime": .string(isSame ? last?["lastTransitionTime"]?.string ?? now : now),
      ]
    }
    var status: [String: JSON] = [
      "observedGeneration": .int(generation), "phase": .string(phase.rawValue), "conditions": .array(list),
    ]
    status["accepted"] = accepted.map(JSON.string) ?? before?["accepted"]
    status["reason"] = reason.map { .string(String($0.prefix(4096))) }
    return .object(status)
  }
}
