import APIModel
import Admission
import AgentModel
import Faults
import NodeProtocol
import Storage

/// Joins what is wished, what the node sees and what the audit log holds into the agent that the API shows.
struct AgentView: Sendable {
  let audit: AuditTrail
  let view: NodeView
  let admission: AdmissionGate
  let usage: UsageHistory

  func resource(_ stored: StoredAgent) async -> AgentResource {
    let failure = view.failure
    let seen = view.agent(stored.uid)
    var status = AgentResource.Status(
      phase: seen?.phase ?? .pending, reason: seen?.reason ?? seen?.fault?.description, fault: seen?.fault,
      layers: seen?.layers ?? [], address: seen?.address, imageDigest: seen?.imageDigest,
      restarts: seen?.restarts ?? 0, lastExit: seen?.lastExit, startedAt: seen?.startedAt,
      observedGeneration: seen?.generation ?? 0)
    if let failure {
      status.reason = "node unreachable: \(failure.reason); \(failure.remedy)"
      status.layers = status.layers.map {
        LayerStatus(layer: $0.layer, state: .unknown, evidence: "not read back: the node is unreachable")
      }
    } else if stored.wish == .destroy {
      status.reason = "the agent is being deleted"
    } else if status.reason == nil, status.observedGeneration < stored.generation {
      status.reason = "waiting for the node to act on generation \(stored.generation)"
    }
    let warnings = (admission.findings.finding(of: stored.uid)?.violations ?? [])
      .filter { $0.actions.contains(.warn) }.map(\.text)
    status.warnings = warnings.isEmpty ? nil : warnings
    let tier = stored.agent.spec.tier
    status.limits = UsageResource.Limits(
      cpus: Double(tier.cpus), memoryBytes: tier.memory.bytes, tasks: Int64(tier.processes))
    status.usage = usage.newest(of: stored.uid)
    status.layers.append(admission.layer(of: stored.uid))
    status.layers.append(await auditLayer(stored))
    return AgentResource(
      metadata: AgentResource.Metadata(
        name: stored.id.name, tenant: stored.id.tenant, uid: stored.uid, labels: stored.agent.labels,
        generation: stored.generation, createdAt: stored.createdAt, deletedAt: stored.deletedAt),
      spec: stored.agent.spec, status: status)
  }

  /// Proved by reading the record of the agent's creation back.
  private func auditLayer(_ stored: StoredAgent) async -> LayerStatus {
    func failed(_ evidence: String) -> LayerStatus {
      LayerStatus(layer: "audit", state: .failed, evidence: evidence)
    }
    if let failure = audit.failure { return failed("the log cannot be written: \(failure.cause ?? failure.reason)") }
    guard let index = stored.auditIndex else { return failed("the agent has no record of its creation") }
    do {
      if let segment = audit.log.segment(of: index) {
        let head = try await audit.log.head()
        return LayerStatus(
          layer: "audit", state: .enforced,
          evidence: "record \(index), archived in \(segment), tree size \(head.size)")
      }
      let record = try await audit.log.page(from: index, limit: 1).first
      guard let record, record.index == index, record.target == "agent \(stored.id)",
        record.details["uid"] == stored.uid.description
      else { return failed("record \(index) is not that of the agent's creation") }
      let head = try await audit.log.head()
      return LayerStatus(layer: "audit", state: .enforced, evidence: "record \(index), tree size \(head.size)")
    } catch {
      return failed("record \(index) cannot be read: \(error)")
    }
  }
}
