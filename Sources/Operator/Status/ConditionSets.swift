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
  /// The document cannot be carried out; what was in force before it still is.
  static func refused(_ fault: Fault, generation: Int, pod: KubernetesObject?) -> AgentConditions {
    let runs = pod.map { !$0.isBeingDeleted } ?? false
    return AgentConditions(
      phase: runs ? .running : .failed, reason: fault.sentence,
      conditions: [
        Condition(.accepted, .no, fault.code == .denied ? "NotATenant" : "Invalid", fault.sentence),
        Condition(
          .secured, .unknown, "NotAccepted",
          runs ? "the agent runs by what was accepted before" : "nothing was made of it"),
        Condition(.ready, runs ? .unknown : .no, "NotAccepted", "see the condition Accepted"),
      ], generation: generation)
  }

  /// What secures it is not all there.
  static func unsecured(_ fault: Fault, generation: Int, pod: KubernetesObject?) -> AgentConditions {
    AgentConditions(
      phase: pod == nil ? .failed : .starting, reason: fault.sentence,
      conditions: [
        .isAccepted, Condition(.secured, .no, word(fault), fault.sentence),
        Condition(.ready, .no, "NotSecured", "see the condition Secured"),
      ], generation: generation)
  }

  /// Its Pod is refused, by a quota or by admission.
  static func notStarted(_ fault: Fault, generation: Int) -> AgentConditions {
    AgentConditions(
      phase: .failed, reason: fault.sentence,
      conditions: [.isAccepted, .isSecured, Condition(.ready, .no, word(fault), fault.sentence)], generation: generation
    )
  }

  /// Something is done about an alert, and is held on to.
  static func contained(_ containment: Containment, generation: Int) -> AgentConditions {
    AgentConditions(
      phase: containment.kind == .killed ? .failed : .quarantined, reason: containment.message,
      conditions: [
        .isAccepted, .isSecured,
        Condition(
          .ready, .no, containment.kind.rawValue,
          "\(containment.message); see the condition \(containedCondition)"),
      ], generation: generation)
  }

  static func secured(_ standing: PodStanding?, generation: Int) -> AgentConditions {
    let ready: Condition
    if let standing {
      ready = Condition(.ready, standing.isReady ? .yes : .no, word(standing.reason), standing.message)
    } else {
      ready = Condition(.ready, .no, "Pending", "its Pod is about to be made")
    }
    return AgentConditions(
      phase: standing?.phase ?? .pending, reason: standing.flatMap { $0.phase == .running ? nil : $0.message },
      conditions: [.isAccepted, .isSecured, ready], generation: generation)
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
  private static func word(_ text: String) -> String {
    let letters = text.unicodeScalars.filter { ("a"..."z").contains($0) || ("A"..."Z").contains($0) }
    let word = String(String.UnicodeScalarView(letters))
    return word.isEmpty ? "Unknown" : word
  }
}

extension Condition {
  fileprivate static let isAccepted = Condition(.accepted, .yes, "Accepted", "the document can be carried out")
  fileprivate static let isSecured = Condition(
    .secured, .yes, "Secured", "policies, identity and gateway are in the cluster")
}

extension Fault {
  /// Reason and remedy in a line.
  fileprivate var sentence: String { "\(operation): \(reason); \(remedy)" }
}
