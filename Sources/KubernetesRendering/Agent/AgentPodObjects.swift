import AgentModel
import Blueprint
import Documents
import Faults

extension AgentRendering {
  /// It names the agent to the secrets manager and its gateway to the mesh; no Pod gets its token.
  var account: ServiceAccount { ServiceAccount(metadata: meta(names.agent, of: "agent")) }

  var workspace: PersistentVolumeClaimObject {
    PersistentVolumeClaimObject(
      metadata: meta(names.workspace, of: "agent"),
      spec: PersistentVolumeClaimObject.Spec(
        storageClassName: values.storage.className,
        resources: PersistentVolumeClaimObject.Requests(requests: ["storage": "\(agent.spec.workspace.size)"])))
  }

  /// By which the gateway finds the agent. It has no address of its own, and nobody else may use the agent's.
  var agentService: Service {
    Service(
      metadata: meta(names.agentService, of: "agent"),
      spec: Service.Spec(
        clusterIP: "None", selector: agentLabels,
        ports: agent.spec.ports.sorted { $0.key < $1.key }.map { name, port in
          // Whatever the name: Istio would take the protocol of it. As HTTP, the proxy beside the gateway would look
          // for a service by the request's host, which is the caller's; as TCP it leads to the Pod that was asked for.
          Service.Port(name: name, port: port, targetPort: .number(port), appProtocol: "tcp")
        }))
  }

  /// What selects the agent's Pod.
  var agentLabels: [String: String] { [AgentLabel.agent: "true", AgentLabel.name: "\(agent.id.name)"] }

  var pod: any ClusterObject {
    get throws {
      let spec = try podSpec
      guard options.usesSandboxes || values.sandboxes else {
        return AgentPod(metadata: podMetadata, spec: spec)
      }
      return Sandbox(
        metadata: meta(names.agent, of: "agent"),
        spec: Sandbox.Spec(
          podTemplate: Sandbox.Template(
            metadata: Sandbox.Metadata(
              labels: podMetadata.labels, annotations: blueprint.pod.metadata.annotations),
            spec: spec)))
    }
  }

  private var podMetadata: ObjectMeta {
    var metadata = blueprint.pod.metadata
    metadata.namespace = namespace
    // A sandbox's packets cannot be led through a proxy inside its Pod; its gateway is in the mesh for it.
    let labels = (metadata.labels ?? [:]).filter { !$0.key.contains("istio.io/") }
    metadata.labels = labels.merging(agentLabels) { $1 }.merging([AgentLabel.sidecar: "false"]) { $1 }
    return metadata
  }

  private var podSpec: AgentPod.Spec {
    get throws {
      let spec = blueprint.pod.spec
      let image = try pulledImage
      let size = values.tiers[agent.spec.tier] ?? Values.Size(agent.spec.tier)
      let resources = ["cpu": size.cpu, "memory": "\(size.memory)"]
      return AgentPod.Spec(
        serviceAccountName: names.agent, automountServiceAccountToken: spec.automountServiceAccountToken,
        enableServiceLinks: spec.enableServiceLinks, hostname: spec.hostname, runtimeClassName: spec.runtimeClassName,
        priorityClassName: Platform.agentPriority, restartPolicy: spec.restartPolicy,
        dnsConfig: AgentPod.DNSConfig(
          nameservers: [values.network.nameServer], options: [AgentPod.DNSConfig.Option(name: "ndots", value: "1")]),
        securityContext: spec.securityContext,
        initContainers: spec.containers.prefix(1).map { isolation(resources, $0.securityContext) },
        containers: spec.containers.map { container in
          var container = container
          container.image = image
          // The image's home belongs to another user, in a root that cannot be written.
          if !container.env.contains(where: { $0.name == "HOME" }) {
            container.env.append(EnvVar(name: "HOME", value: "/workspace"))
          }
          container.resources = ResourceRequirements(requests: resources, limits: resources)
          return container
        },
        volumes: spec.volumes)
    }
  }

  /// Nothing of the agent's runs before its policies are in force: networks may bring them a moment after a Pod's start.
  private func isolation(_ resources: [String: String], _ security: SecurityContext) -> Container {
    Container(
      name: "isolation", image: values.images.lobstack,
      command: ["/usr/bin/lobstack", "await-isolation", "--open", "\(nameServerAddress):53"], env: [],
      ports: [], resources: ResourceRequirements(requests: resources, limits: resources), securityContext: security,
      volumeMounts: [])
  }

  private var nameServerAddress: String {
    let address = values.network.nameServer
    return address.contains(":") ? "[\(address)]" : address
  }

  /// The image as a cluster's nodes pull it.
  private var pulledImage: String {
    get throws {
      let image = agent.spec.image
      guard image.transport == .docker else {
        throw Fault(
          .unsupported, operation: "render agent \(agent.id)",
          reason: "no node of a cluster has \(image), which lies on one machine",
          remedy: image.transport == .dir
            ? "make an image of it, push it to a registry, and name it as docker://registry/name:tag"
            : "push it with 'skopeo copy \(image) docker://registry/name:tag', and name it as docker://registry/name:tag"
        )
      }
      return image.location
    }
  }
}
