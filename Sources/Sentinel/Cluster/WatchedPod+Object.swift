import AgentModel
import Documents
import JSONValues
import KubernetesAPI

extension WatchedPod {
  static let type = ResourceType(plural: "pods")
  /// The Pods of agents.
  static let agentLabel = "lobstack.dev/agent"
  private static let nameLabel = "lobstack.dev/name"

  /// The init container that waits for the Pod's NetworkPolicies, by asking the API server whether it still answers.
  private static let isolation = "isolation"

  /// - Parameters:
  ///   - agents: the namespace of the tenant "default"; those of the others have their name behind it.
  ///   - platformImage: the platform's own, which runs nothing of an agent's.
  /// - Returns: `nil` for a Pod that is no agent's: the namespace says whose it is, and others are not ours.
  init?(_ pod: KubernetesObject, agents: String, platformImage: String) {
    guard let uid = pod.uid, let namespace = pod.namespace, pod.labels[Self.agentLabel] == "true",
      let tenant = Self.tenant(of: namespace, agents: agents),
      let name = AgentName(pod.labels[Self.nameLabel] ?? pod.name)
    else { return nil }
    let statuses = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"].flatMap {
      pod["status", $0]?.array ?? []
    }
    self.init(
      uid: uid, namespace: namespace, name: pod.name, agent: AgentID(tenant: tenant, name: name),
      owner: Self.owner(of: pod, name: name), containers: Set(statuses.flatMap(Self.containers)),
      platformContainers: Self.platformContainers(of: pod, image: platformImage),
      isRunning: statuses.contains { $0["state"]?["running"] != nil } && !pod.isBeingDeleted,
      tier: pod.annotations[tierAnnotation] ?? "",
      image: pod["spec", "containers"]?.array?.first?["image"]?.string ?? "",
      // A Pod that does not say what is to be done was not made by the operator: nothing is too much for it.
      response: pod.annotations[responseAnnotation].flatMap(AgentResponse.init) ?? .kill,
      address: pod["status", "podIP"]?.string ?? "")
  }

  /// The Agent, also of a Pod that agent-sandbox made for it.
  private static func owner(of pod: KubernetesObject, name: AgentName) -> Owner? {
    guard let controller = pod.ownerReferences.first(where: { $0.controller == true }) else { return nil }
    switch controller.kind {
    case "Agent": return Owner(name: controller.name, uid: controller.uid)
    case "Sandbox": return pod.annotations[agentUIDAnnotation].map { Owner(name: "\(name)", uid: $0) }
    default: return nil
    }
  }

  /// By name and the image's repository: a container of that name is somebody else's when its image is. Of which version
  /// the image is may differ while the platform is brought to another.
  private static func platformContainers(of pod: KubernetesObject, image: String) -> Set<String> {
    let meant = pod["spec", "initContainers"]?.array?.contains {
      $0["name"]?.string == isolation && !image.isEmpty
        && repository(of: $0["image"]?.string ?? "") == repository(of: image)
    }
    guard meant == true else { return [] }
    let statuses = pod["status", "initContainerStatuses"]?.array ?? []
    return Set(statuses.filter { $0["name"]?.string == isolation }.flatMap(containers))
  }

  /// Without tag and digest.
  private static func repository(of image: String) -> Substring {
    let name = image.prefix { $0 != "@" }
    guard let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") else { return name }
    return name[..<colon]
  }

  private static func tenant(of namespace: String, agents: String) -> TenantName? {
    if namespace == agents { return .default }
    guard namespace.hasPrefix("\(agents)-") else { return nil }
    return TenantName(String(namespace.dropFirst(agents.count + 1)))
  }

  /// The one that is there now, and the one that was there before it: `containerd://4f5a…`.
  private static func containers(_ status: JSON) -> [String] {
    [
      status["containerID"]?.string, status["state"]?["terminated"]?["containerID"]?.string,
      status["lastState"]?["terminated"]?["containerID"]?.string,
    ].compactMap { text in
      text.flatMap { $0.firstRange(of: "://") }.map { String((text ?? "")[$0.upperBound...]) }
    }.filter { !$0.isEmpty }
  }
}
