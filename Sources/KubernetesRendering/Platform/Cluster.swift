import AgentModel
import Documents

extension Platform {
  /// What belongs to no namespace.
  var cluster: [ManifestFile] {
    [
      ManifestFile(
        "cluster/classes.yaml",
        [
          RuntimeClass(
            metadata: Self.meta("gvisor", of: "sandbox"), handler: "runsc",
            overhead: RuntimeClass.Overhead(podFixed: AgentShare.overhead),
            scheduling: RuntimeClass.Scheduling(
              nodeSelector: [Self.sandboxNodes: "true"],
              tolerations: [
                Toleration(key: Self.sandboxNodes, operator: "Equal", value: "true", effect: "NoSchedule")
              ])),
          PriorityClass(
            metadata: Self.meta(Self.platformPriority, of: "control-plane"), value: 1_000_000,
            description: "What keeps agents in their place. It is not evicted for an agent."),
          PriorityClass(
            metadata: Self.meta(Self.agentPriority, of: "agents"), value: 1_000,
            description: "Agents, and what holds their identities."),
          storageClass(values.storage.className, reclaimPolicy: "Delete"),
          // Of the secrets manager: without its volume nothing can be read any more.
          storageClass("\(values.storage.className)-retained", reclaimPolicy: "Retain"),
        ])
    ]
  }

  /// Label and taint of nodes that have gVisor.
  static let sandboxNodes = "lobstack.dev/gvisor"
  static let platformPriority = "lobstack-platform"
  static let agentPriority = "lobstack-agent"
  var retainedStorageClass: String { "\(values.storage.className)-retained" }

  private func storageClass(_ name: String, reclaimPolicy: String) -> StorageClass {
    StorageClass(
      metadata: Self.meta(name, of: "storage"), provisioner: values.storage.provisioner,
      parameters: values.storage.parameters.isEmpty ? nil : values.storage.parameters, reclaimPolicy: reclaimPolicy)
  }
}
