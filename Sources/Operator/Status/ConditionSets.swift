import AgentModel
import ClusterAgents
import Documents
import Faults
import JSONValues
import KubernetesAPI

extension Condition {
  /// Whether a status says the same.
  func isSaid(in status: JSON?) -> Bool {
    (status?["conditions"]?.array ?? []).contains {
      $0["type"]?.string == kind.rawValue && $0["status"]?.string == state.rawValue
        && $0["reason"]?.string == reason && $0["message"]?.string == message
    }
  }
}

extension AgentConditions {
  /// The document cannot be carried out, and neither can one that was accepted before.
  static func refused(_ fault: Fault, generation: Int, pod: KubernetesObject?) -> AgentConditions {
    let runs = pod.map { !$0.isBeingDeleted } ?? false
    return AgentConditions(
      phase: runs ? .running : .failed, reason: fault.sentence,
      conditions: [
        .isRefused(fault),
        Condition(
          .secured, .unknown, "NotAccepted",
          runs ? "the agent runs by what was accepted before" : "nothing was made of it"),
        Condition(.gatewayReady, .unknown, "NotAccepted", "see the condition Accepted"),
        Condition(.ready, runs ? .unknown : .no, "NotAccepted", "see the condition Accepted"),
      ], generation: generation)
  }

  /// What secures it is not all there.
  static func unsecured(_ fault: Fault, generation: Int, pod: KubernetesObject?) -> AgentConditions {
    AgentConditions(
      phase: pod == nil ? .failed : .starting, reason: fault.sentence,
      conditions: [
        .isAccepted, Condition(.secured, .no, word(fault), fault.sentence),
        Condition(.gatewayReady, .unknown, "NotSecured", "see the condition Secured"),
        Condition(.ready, .no, "NotSecured", "see the condition Secured"),
      ], generation: generation)
  }

  /// The secrets manager does not know it, so that neither it nor its gateway would get a secret.
  static func unidentified(_ fault: Fault, generation: Int, pod: KubernetesObject?) -> AgentConditions {
    var conditions = unsecured(fault, generation: generation, pod: pod)
    let reason = fault.code == .denied || fault.code == .unauthenticated ? "Refused" : "SecretsManagerUnavailable"
    conditions.conditions.insert(Condition(.identified, .no, reason, fault.sentence), at: 2)
    conditions.conditions[1] = Condition(.secured, .no, "NotIdentified", "see the condition Identified")
    return conditions
  }

  /// Its Pod is refused, by a quota or by admission.
  static func notStarted(_ fault: Fault, gateway: GatewayStanding, generation: Int) -> AgentConditions {
    AgentConditions(
      phase: .failed, reason: fault.sentence,
      conditions: [
        .isAccepted, .isSecured, .isReady(gateway), Condition(.ready, .no, word(fault), fault.sentence),
      ], generation: generation)
  }

  /// Something is done about an alert, and is held on to.
  static func contained(_ containment: Containment, gateway: GatewayStanding, generation: Int) -> AgentConditions {
    AgentConditions(
      phase: containment.kind == .killed ? .failed : .quarantined, reason: containment.message,
      conditions: [
        .isAccepted, .isSecured, .isReady(gateway),
        Condition(
          .ready, .no, containment.kind.rawValue,
          "\(containment.message); see the condition \(containedCondition)"),
      ], generation: generation)
  }

  /// - Parameter standing: of its Pod; `nil` while there is none.
  static func secured(_ standing: PodStanding?, gateway: GatewayStanding, generation: Int) -> AgentConditions {
    var phase = standing?.phase ?? .pending
    var reason = standing.flatMap { $0.phase == .running ? nil : $0.message }
    let ready: Condition
    if let standing, standing.isReady, !gateway.isReady {
      // Nobody reaches it, and it reaches nobody.
      phase = gateway.isFailed ? .failed : .starting
      reason = gateway.message
      ready = Condition(.ready, .no, "GatewayNotReady", "see the condition GatewayReady")
    } else if let standing {
      ready = Condition(.ready, standing.isReady ? .yes : .no, word(standing.reason), standing.message)
    } else {
      ready = Condition(.ready, .no, "Pending", "its Pod is about to be made")
    }
    return AgentConditions(
      phase: phase, reason: reason, conditions: [.isAccepted, .isSecured, .isReady(gateway), ready],
      generation: generation)
  }

  /// The same of an agent that is made of what was accepted before, because its document cannot be carried out now.
  func refused(by fault: Fault) -> AgentConditions {
    var conditions = self
    conditions.reason = fault.sentence
    conditions.conditions = self.conditions.map { $0.kind == .accepted ? .isRefused(fault) : $0 }
    return conditions
  }

  /// The same of an agent of which others had taken something over that secures it, and that is as wanted again.
  func repaired(from conflict: Fault) -> AgentConditions {
    var conditions = self
    conditions.conditions = self.conditions.map { condition in
      guard condition.kind == .secured, condition.state == .yes else { return condition }
      return Condition(
        .secured, .yes, Condition.repaired,
        "\(conflict.operation): \(conflict.reason); it is as before, have them give it up")
    }
    return conditions
  }

  /// The same of an agent that the secrets manager knows.
  var identified: AgentConditions {
    var conditions = self
    conditions.conditions.insert(
      Condition(.identified, .yes, "Identified", "the secrets manager knows it by its service account"), at: 2)
    return conditions
  }

  /// It is not wished to run.
  ///
  /// - Parameter isEnding: whether its Pod is still there.
  static func stopped(isEnding: Bool, gateway: GatewayStanding, generation: Int) -> AgentConditions {
    let message = isEnding ? "its Pod is being ended" : "somebody stopped it; start it to have it run"
    return AgentConditions(
      phase: isEnding ? .running : .stopped, reason: message,
      conditions: [
        .isAccepted, .isSecured, .isReady(gateway), Condition(.ready, .no, AgentObject.stoppedReason, message),
      ], generation: generation)
  }

  private static func word(_ fault: Fault) -> String {
    switch fault.code {
    case .unsupported: "TypeMissing"
    case .exhausted: "QuotaExceeded"
    case .denied: "Refused"
    case .unavailable, .timedOut: "APIUnavailable"
    case .conflict: "Conflict"
    case .invalid: "Invalid"
    default: "Failed"
    }
  }

  /// As the API takes a condition's reason: a word in CamelCase.
  fileprivate static func word(_ text: String) -> String {
    let letters = text.unicodeScalars.filter { ("a"..."z").contains($0) || ("A"..."Z").contains($0) }
    let word = String(String.UnicodeScalarView(letters))
    return word.isEmpty ? "Unknown" : word
  }
}

extension Condition {
  /// Of a condition that holds, but had to be made to.
  static let repaired = "Repaired"

  fileprivate static let isAccepted = Condition(.accepted, .yes, "Accepted", "the document can be carried out")
  fileprivate static let isSecured = Condition(
    .secured, .yes, "Secured", "policies, identity and gateway are in the cluster")

  fileprivate static func isRefused(_ fault: Fault) -> Condition {
    Condition(.accepted, .no, fault.code == .denied ? "NotATenant" : "Invalid", fault.sentence)
  }

  fileprivate static func isReady(_ gateway: GatewayStanding) -> Condition {
    Condition(.gatewayReady, gateway.isReady ? .yes : .no, AgentConditions.word(gateway.reason), gateway.message)
  }
}

extension Fault {
  /// Reason and remedy in a line.
  fileprivate var sentence: String { "\(operation): \(reason); \(remedy)" }
}
