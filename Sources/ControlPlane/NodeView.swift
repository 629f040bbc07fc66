import AgentModel
import Faults
import FoundationEssentials
import NodeProtocol
import Synchronization

/// The last that was heard of the node.
final class NodeView: Sendable {
  private struct State {
    var failure: Fault? = Fault(
      .unavailable, operation: "reach the node", reason: "it has not answered yet",
      remedy: "wait a few seconds, then look with 'lobstack status'")
    var description: NodeDescription?
    var agents: [AgentUID: ObservedAgent] = [:]
  }

  private let state = Mutex(State())

  /// Why the node cannot be reached; `nil` when it answered last.
  var failure: Fault? { state.withLock { $0.failure } }
  var description: NodeDescription? { state.withLock { $0.description } }
  var agents: [AgentUID: ObservedAgent] { state.withLock { $0.agents } }

  func agent(_ uid: AgentUID) -> ObservedAgent? { state.withLock { $0.agents[uid] } }

  func reached(_ description: NodeDescription? = nil) {
    state.withLock {
      $0.failure = nil
      if let description { $0.description = description }
    }
  }

  func observed(_ observed: ObservedState) {
    let agents = Dictionary(observed.agents.map { ($0.uid, $0) }, uniquingKeysWith: { _, last in last })
    state.withLock {
      $0.failure = nil
      $0.agents = agents
    }
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
