import ClusterAgents
import Faults
import Foundation
import KubernetesAPI
import KubernetesRendering
import Logging

/// Takes what the API server tells of one kind of objects in a namespace into the directory.
struct NameFeed: Sendable {
  let kind: NameDirectory.Kind
  let namespace: String
  let directory: NameDirectory
  let logger: Logger

  func receive(_ change: ObjectChange) async {
    switch change {
    case .replaced(let objects):
      var gone = directory.keys(of: kind, in: namespace)
      for (number, object) in objects.enumerated() {
        // A list may be of thousands, and others wait for the same thread.
        if number % 64 == 63 { await Task.yield() }
        set(object)
        if let key = key(of: object) { gone.remove(key) }
      }
      for key in gone { remove(key, uid: nil) }
    case .changed(let object): set(object)
    case .deleted(let object):
      if let key = key(of: object) { remove(key, uid: object.uid) }
    case .interrupted, .current: break
    }
  }

  /// By which the directory knows it; `nil` for what it does not know.
  private func key(of object: KubernetesObject) -> ObjectKey? {
    kind == .gateways ? NameDirectory.agent(of: object) : ObjectKey(object)
  }

  private func set(_ object: KubernetesObject) {
    switch kind {
    case .agents:
      do { try directory.set(AgentObject(object: object), now: .now) } catch {
        logger.warning(
          "An Agent cannot be carried out, so its names stay as they were",
          metadata: ["agent": "\(ObjectKey(object))", "error": "\(error)"])
      }
    case .gateways: directory.setGateway(object)
    case .pods: directory.setPod(object)
    }
  }

  private func remove(_ key: ObjectKey, uid: String?) {
    switch kind {
    case .agents: directory.removeAgent(key, uid: uid)
    case .gateways: directory.removeGateway(key)
    case .pods: directory.removePod(key, uid: uid)
    }
  }
}

extension NameDirectory.Kind {
  var type: ResourceType {
    switch self {
    case .agents: AgentObject.type
    case .gateways: ResourceType(plural: "services")
    case .pods: ResourceType(plural: "pods")
    }
  }

  var selection: Selection {
    switch self {
    case .agents: .everything
    case .gateways: Selection(labels: "app.kubernetes.io/name=\(AgentNames.gatewayPart)")
    case .pods: Selection(labels: "\(AgentLabel.agent)=true")
    }
  }
}
