import AgentModel
import Faults
import FoundationEssentials
import Framing
import NodeProtocol
import Synchronization

/// The last that was heard of the node.
final class NodeView: Sendable {
  private struct State {
    var answeredAt: Date?
    var failure: Fault? = Fault(
      .unavailable, operation: "reach the node", reason: "it has not answered yet",
      remedy: "wait a few seconds, then look with 'lobstack status'")
    var description: NodeDescription?
    var agents: [AgentUID: ObservedAgent] = [:]
    var hasObserved = false
    var certificateRequests: [CertificateRequest] = []
    var tokenRequests: [AgentID] = []
    var desiredBytes = 0
  }

  /// The desired state travels as one message of at most `Frame.longestPayload`; a quarter is left for agents that are
  /// created at the same moment.
  static let longestDesiredState = Frame.longestPayload / 4 * 3

  private let state = Mutex(State())

  /// Why the node cannot be reached; `nil` when it answered last.
  var failure: Fault? { state.withLock { $0.failure } }
  /// When it answered last.
  var answeredAt: Date? { state.withLock { $0.answeredAt } }
  var description: NodeDescription? { state.withLock { $0.description } }
  var agents: [AgentUID: ObservedAgent] { state.withLock { $0.agents } }

  /// What the node asks the certificate authority for.
  var certificateRequests: [CertificateRequest] { state.withLock { $0.certificateRequests } }

  /// As whom the node has to log in to the secrets manager.
  var tokenRequests: [AgentID] { state.withLock { $0.tokenRequests } }

  func agent(_ uid: AgentUID) -> ObservedAgent? { state.withLock { $0.agents[uid] } }

  func reached(_ description: NodeDescription? = nil) {
    state.withLock {
      ($0.failure, $0.answeredAt) = (nil, .now)
      if let description { $0.description = description }
    }
  }

  func observed(_ observed: ObservedState) {
    let agents = Dictionary(observed.agents.map { ($0.uid, $0) }, uniquingKeysWith: { _, last in last })
    state.withLock {
      ($0.failure, $0.answeredAt) = (nil, .now)
      $0.agents = agents
      $0.hasObserved = true
      $0.certificateRequests = observed.certificateRequests
      $0.tokenRequests = observed.tokenRequests
    }
  }

  /// - Throws: `Fault(.unavailable)` before the node has told of its agents for the first time.
  func requireObserved(operation: String) throws {
    guard !state.withLock({ $0.hasObserved }) else { return }
    throw Fault(
      .unavailable, operation: operation, reason: "the node has not told of its agents yet",
      remedy: "try again in a second")
  }

  /// - Parameter bytes: how long the whole desired state is.
  func pushing(bytes: Int) { state.withLock { $0.desiredBytes = bytes } }

  /// Counts the agent in until the next push tells the true length.
  ///
  /// - Throws: `Fault(.exhausted)` when one agent more would make the desired state too long to send.
  func requireRoom(for agent: Agent, operation: String) throws {
    // What the documents add to the agent that they are made from: more than they do, rather than less.
    let own = try JSONEncoder().encode(agent.spec).count * 2 + JSONEncoder().encode(agent.labels).count * 2 + 4_096
    let hasRoom = state.withLock { state in
      guard state.desiredBytes + own <= Self.longestDesiredState else { return false }
      state.desiredBytes += own
      return true
    }
    guard !hasRoom else { return }
    throw Fault(
      .exhausted, operation: operation,
      reason: "all agents together would be more than the \(Self.longestDesiredState) bytes that the node takes",
      remedy: "delete agents that nobody needs, or move large environment values into files")
  }

  func lost(_ error: any Error) {
    let fault = Fault.wrap(error, operation: "reach the node", remedy: "see the node's log")
    state.withLock { $0.failure = fault }
  }

  /// - Throws: `Fault(.unavailable)`: nothing new is begun that nobody could carry out.
  func requireReachable(operation: String) throws {
    guard let failure else { return }
    throw Fault(
      .unavailable, operation: operation, reason: "the node is unreachable: \(failure.reason)", remedy: failure.remedy,
      cause: failure)
  }
}
