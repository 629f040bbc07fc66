import APIModel
import AgentModel
import ClusterAgents
import Faults
import FoundationEssentials
import JSONValues
import KubernetesAPI

extension AgentResource {
  /// An Agent of a cluster as the API shows it.
  ///
  /// - Parameter limits: of each tier.
  /// - Returns: `nil` for an object that was stored before the cluster checked what Agents are.
  init?(_ agent: AgentObject, tenant: TenantName, limits: [Tier: UsageResource.Limits]) {
    let object = agent.object
    guard let name = AgentName(object.name), let uid = AgentUID(cluster: agent.uid) else { return nil }
    let spec: AgentSpec
    var refusal: Fault?
    do { spec = try agent.agent(tenant: tenant).spec } catch {
      guard let image = object["spec", "image"]?.string.flatMap({ ImageReference($0) }) else { return nil }
      spec = AgentSpec(image: image)
      refusal = Fault.wrap(error, operation: "read agent \(tenant)/\(name)", remedy: "correct its document")
    }
    self.init(
      metadata: Metadata(
        name: name, tenant: tenant, uid: uid,
        labels: object.labels.filter { !$0.key.hasPrefix("lobstack.dev/") }, generation: Int64(agent.generation),
        createdAt: object["metadata", "creationTimestamp"]?.string.flatMap(APIJSON.date) ?? .distantPast,
        deletedAt: object.deletionTimestamp.flatMap(APIJSON.date)),
      spec: spec, status: Status(agent, refusal))
    status.limits = limits[spec.tier]
  }
}

extension AgentUID {
  /// The first 64 bits of a UUID, as the cluster gives each object one.
  init?(cluster uid: String) { self.init(String(uid.lowercased().filter { $0 != "-" }.prefix(16))) }
}

extension AgentObject {
  /// As the operator told it last; `pending` before.
  var phase: AgentPhase { object["status", "phase"]?.string.flatMap(AgentPhase.init) ?? .pending }

  /// Whether a text, in lower case, is part of `tenant/name`, of the image or of a label's `key=value`.
  func has(_ text: String, id: AgentID) -> Bool {
    "\(id)".contains(text) || object["spec", "image"]?.string?.lowercased().contains(text) == true
      || object.labels.contains { "\($0.key)=\($0.value)".lowercased().contains(text) }
  }
}

extension AgentResource.Status {
  fileprivate init(_ agent: AgentObject, _ refusal: Fault?) {
    let status = agent.object["status"]
    let observed = Int64(status?["observedGeneration"]?.int ?? 0)
    var (phase, reason) = (agent.phase, status?["reason"]?.string)
    if Self.isOutdated(agent) {
      // Who waits for it to run must not be told what it was before.
      (phase, reason) = (.pending, "waiting for the operator to start it")
    }
    if agent.isBeingDeleted {
      reason = "the agent is being deleted"
    } else if reason == nil, observed < Int64(agent.generation) {
      reason = "waiting for the operator to act on generation \(agent.generation)"
    }
    self.init(
      phase: refusal == nil ? phase : .failed, reason: refusal?.description ?? reason, fault: refusal,
      layers: Self.layers(status, isCurrent: observed == Int64(agent.generation)), observedGeneration: observed)
  }

  /// Whether the operator's last word is of a stop or a containment that somebody has taken back since.
  private static func isOutdated(_ agent: AgentObject) -> Bool {
    guard !agent.isStopped, Containment(of: agent.object) == nil else { return false }
    let ready = agent.object["status", "conditions"]?.array?.first { $0["type"]?.string == "Ready" }
    guard let reason = ready?["reason"]?.string else { return false }
    return reason == AgentObject.stoppedReason || Containment.Kind(rawValue: reason) != nil
  }

  /// What the operator's conditions tell of the layers.
  ///
  /// They tell that the objects are in the cluster as they should be, and not that anything acts on them: so no layer is
  /// enforced by them, and one whose objects are not there is failed.
  private static func layers(_ status: JSON?, isCurrent: Bool) -> [LayerStatus] {
    let conditions = Dictionary(
      (status?["conditions"]?.array ?? []).compactMap { item in item["type"]?.string.map { ($0, item) } }
    ) { first, _ in first }
    func layer(_ name: String, _ condition: String, _ told: String) -> LayerStatus {
      let said = conditions[condition]
      let message = said?["message"]?.string ?? "the operator has not told yet"
      return switch said?["status"]?.string {
      case "False" where condition == "Secured":
        LayerStatus(layer: name, state: .failed, evidence: "\(condition) is False: \(message)")
      case "True" where isCurrent:
        LayerStatus(
          layer: name, state: .unknown,
          evidence: "\(condition) is True: \(message); \(told), 'lobstack verify --target kubernetes' shows")
      default: LayerStatus(layer: name, state: .unknown, evidence: message)
      }
    }
    return [
      layer("network", "Secured", "whether the cluster's network drops what they forbid"),
      layer("identity", "Secured", "whether the mesh refuses who has none"),
      layer("sandbox", "Ready", "that it runs behind gVisor"),
    ]
  }
}
