import AgentModel
import Faults
import Foundation
import NodeProtocol
import Planning

/// What the node knows of one agent: memory that a read-back of the machine corrects.
struct AgentState: Sendable {
  var record: AgentRecord
  var sandbox: Found.Sandbox = .absent
  var hasNetwork = false
  var phase: AgentPhase = .pending
  var reason: String?
  var fault: Fault?
  var layers: [LayerStatus] = []
  var observedGeneration: Int64 = 0
  var failedGeneration: Int64?
  var completedGeneration: Int64?
  var backOff = RestartBackOff()
  var backOffUntil: ContinuousClock.Instant?
  var runningSince: ContinuousClock.Instant?
  /// A stop was asked for: the end that follows is no failure of the agent's.
  var destroyed = false

  init(record: AgentRecord) { self.record = record }

  func found(hasFiles: Bool, now: ContinuousClock.Instant) -> Found {
    Found(
      uid: record.uid, sandbox: sandbox, generation: record.generation, hasNetwork: hasNetwork, hasFiles: hasFiles,
      failedGeneration: failedGeneration, completedGeneration: completedGeneration,
      backingOff: backOffUntil.map { $0 > now } ?? false)
  }

  func observed(interface: String?, address: String?) -> ObservedAgent {
    ObservedAgent(
      id: record.id, uid: record.uid, generation: observedGeneration, phase: phase, reason: reason, fault: fault,
      layers: layers, address: hasNetwork ? address : nil, interface: hasNetwork ? interface : nil,
      imageDigest: record.imageDigest, restarts: record.restarts, lastExit: record.lastExit,
      lastTermination: record.lastTermination, startedAt: record.startedAt, destroyed: destroyed)
  }
}
