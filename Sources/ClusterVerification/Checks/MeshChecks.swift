import KubernetesRendering
import Verification

/// MTLS: whose requests travel under which identity. The way to an identity is an agent's gateway, which has it in the mesh,
/// and its credentials.
struct MeshChecks: Sendable {
  let profile: Values.Profile
  let stage: Shared<Stage>

  var all: [Check] {
    [
      untested("MTLS-1", "the gateway takes TLS 1.3 only", "the cluster's gateway is not spoken to from a probe"),
      untested("MTLS-2", "services refuse whoever has no identity for it", "the mesh is not spoken to from a probe"),
      untested("MTLS-3", "certificates rotate with no failed request", "the mesh's rotation takes hours"),
      Check(
        "MTLS-4", layer: "identity", title: "no agent travels under another's identity",
        deadline: ClusterVerify.stageDeadline, isLong: true
      ) { Self.gateways(try await stage.value) },
    ]
  }

  private func untested(_ id: String, _ title: String, _ inMesh: String) -> Check {
    let reason = profile == .lean ? "profile lean has no mesh" : inMesh
    return Check(id, layer: "identity", title: title, isLong: true) {
      throw NotTestable("not attacked on a cluster: \(reason)")
    }
  }

  private static func gateways(_ stage: Stage) -> Finding {
    let own = FlowChecks.outcome(AttackTargets.ownGateway, stage.victim.record)
    return Finding([
      Trial(
        "send a request by another agent's gateway", withoutControl: own,
        withControl: FlowChecks.outcome(AttackTargets.peerGateway, stage.attacker.record)),
      Trial(
        "send a request by an agent's gateway from a Pod that is no agent's", withoutControl: own,
        withControl: FlowChecks.outcome(AttackTargets.peerGateway, stage.control.record)),
    ])
  }
}
