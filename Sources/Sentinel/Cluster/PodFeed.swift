import KubernetesAPI
import Logging

/// Follows the agents' Pods of this node, and tells the detection of them.
struct PodFeed: Sendable {
  let client: KubernetesClient
  let node: String
  /// The namespace of the tenant "default".
  let agents: String
  let platformImage: String
  let table: PodTable
  let server: DetectionServer
  let logger: Logger

  /// Until the calling task is cancelled. While the API server is away, what it told last stands.
  func run() async {
    let selection = Selection(labels: "\(WatchedPod.agentLabel)=true", fields: "spec.nodeName=\(node)")
    await Reflector(client, WatchedPod.type, selection).run { change in
      switch change {
      case .replaced(let objects):
        table.replace(objects.compactMap { WatchedPod($0, agents: agents, platformImage: platformImage) })
      case .changed(let object):
        guard let pod = WatchedPod(object, agents: agents, platformImage: platformImage) else { return }
        table.set(pod)
      case .deleted(let object): table.remove(object.uid ?? "")
      case .interrupted(let fault):
        logger.warning("Agents' Pods cannot be followed", metadata: ["error": "\(fault)"])
        return
      case .current: return
      }
      server.tell(.pods(table.pods))
    }
  }
}
