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
  /// What was wrong with the firewall while its sandbox was there; it is stopped for that, and told of it.
  var breach: String?
  var observedGeneration: Int64 = 0
  /// The generation whose policy proxy and resolver were told; `nil` after a restart of the node.
  var policyGeneration: Int64?
  var backOff = RestartBackOff()
  var backOffUntil: ContinuousClock.Instant?
  var runningSince: ContinuousClock.Instant?
  /// A step that failed is tried again after this, later each time.
  var retryAfter: ContinuousClock.Instant?
  var retries = RestartBackOff()
  /// A stop was asked for: the end that follows is no failure of the agent's.
  var destroyed = false

  /// An agent as its record shows it; one that ended for good stays ended when the node starts anew.
  init(record: AgentRecord) {
    self.record = record
    guard let generation = record.generation else { return }
    if record.failedGeneration == generation {
      phase = .failed
      fault = record.fault
      observedGeneration = generation
    } else if record.completedGeneration == generation {
      phase = record.lastExit?.code == 0 ? .stopped : .failed
      fault = record.fault
      reason = record.lastTermination
      observedGeneration = generation
    }
  }

  func found(hasFiles: Bool, now: ContinuousClock.Instant) -> Found {
    Found(
      uid: record.uid, sandbox: sandbox, generation: record.generation, policyGeneration: policyGeneration,
      hasNetwork: hasNetwork, hasFiles: hasFiles,
      failedGeneration: record.failedGeneration, completedGeneration: record.completedGeneration,
      heldGeneration: record.standingResponse?.generation,
      backingOff: backOffUntil.map { $0 > now } ?? false)
  }

  func observed(interface: String?, address: String?, secrets: [SecretReading]?) -> ObservedAgent {
    let isOnline = hasNetwork && record.standingResponse?.response != .quarantine
    return ObservedAgent(
      id: record.id, uid: record.uid, generation: observedGeneration, phase: phase, reason: reason, fault: fault,
      layers: layers, address: isOnline ? address : nil, interface: isOnline ? interface : nil,
      imageDigest: record.imageDigest, restarts: record.restarts, lastExit: record.lastExit,
      lastTermination: record.lastTermination, startedAt: record.startedAt, destroyed: destroyed,
      secrets: secrets)
  }
}
