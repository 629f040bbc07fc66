import KubernetesRendering
import Verification

/// MTLS-4: whose requests travel under which identity. The way to an identity is an agent's gateway, which has it in the
/// mesh, and its credentials.
struct MeshChecks: Sendable {
  let stage: Shared<Stage>

  var all: [Check] {
    [
      Check(
        "MTLS-4", layer: "identity", title: "no agent travels under another's identity",
        deadline: ClusterVerify.stageDeadline, isLong: true
      ) { Self.gateways(try await stage.value) }
    ]
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
