import AgentModel
import Documents

/// The documents that describe one agent to whoever enforces them: a pure function of the Agent and the policy.
package struct Blueprint: Hashable, Sendable {
  package var pod: Pod
  package var networkPolicies: [NetworkPolicy]
  package var serviceEntries: [ServiceEntry]
  package var authorizationPolicies: [AuthorizationPolicy]

  /// The name of the one container of an agent's Pod.
  package static let container = "agent"

  package init(agent: Agent, policy: Policy, trustDomain: TrustDomain = .default) {
    let pod = agentPod(agent, providers: policy.providers)
    self.pod = pod
    serviceEntries = Blueprint.serviceEntries(of: agent)
    authorizationPolicies =
      [egressPolicy(of: agent, domain: trustDomain)]
      + policy.authorizationPolicies.filter {
        // A policy without a selector is for everything in its namespace, which no agent shares with the platform.
        $0.spec.selector?.matches(pod.metadata.labels ?? [:]) == true
      }
    networkPolicies = policy.networkPolicies.filter { $0.spec.podSelector.matches(pod.metadata.labels ?? [:]) }
  }
}

private func agentPod(_ agent: Agent, providers: Providers) -> Pod {
  let spec = agent.spec
  var labels = agent.labels
  labels["app.kubernetes.io/name"] = labels["app.kubernetes.io/name"] ?? agent.id.name.description
  labels["app.kubernetes.io/part-of"] = labels["app.kubernetes.io/part-of"] ?? "lobstack"
  labels["lobstack.dev/agent"] = "true"
  labels["lobstack.dev/tenant"] = agent.id.tenant.description

  let limits = ["cpu": "\(spec.tier.cpus)", "memory": "\(spec.tier.memory)"]
  let container = Container(
    name: Blueprint.container,
    image: spec.image.description,
    command: spec.command,
    env: providers.environment(for: spec.egress).merging(spec.env) { _, own in own }.sorted { $0.key < $1.key }.map {
      EnvVar(name: $0.key, value: $0.value)
    },
    ports: spec.ports.sorted { $0.key < $1.key }.map { ContainerPort(name: $0.key, containerPort: $0.value) },
    resources: ResourceRequirements(requests: limits, limits: limits),
    securityContext: SecurityContext(
      allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true,
      capabilities: Capabilities(drop: ["ALL"])),
    volumeMounts: [
      VolumeMount(name: "tmp", mountPath: "/tmp"), VolumeMount(name: "workspace", mountPath: "/workspace"),
    ] + (spec.secrets.isEmpty ? [] : [VolumeMount(name: "secrets", mountPath: "/vault/secrets", readOnly: true)]))
  let user = InstanceLayout.agentUserID
  return Pod(
    metadata: ObjectMeta(
      name: agent.id.name.description, namespace: agent.id.tenant.description, labels: labels,
      annotations: [
        processLimitAnnotation: "\(spec.tier.processes)", workspaceSizeAnnotation: "\(spec.workspace.size)",
        responseAnnotation: spec.response.rawValue, tierAnnotation: spec.tier.rawValue,
      ]),
    spec: PodSpec(
      runtimeClassName: "gvisor", restartPolicy: spec.restartPolicy.rawValue, automountServiceAccountToken: false,
      enableServiceLinks: false, hostname: agent.id.name.description,
      securityContext: PodSecurityContext(
        runAsNonRoot: true, runAsUser: user, runAsGroup: user, fsGroup: user,
        seccompProfile: SeccompProfile(type: "Localhost", localhostProfile: "agent.json")),
      containers: [container],
      volumes: [
        Volume(name: "tmp", emptyDir: Volume.EmptyDir(medium: "Memory", sizeLimit: "256Mi")),
        Volume(
          name: "workspace",
          persistentVolumeClaim: Volume.PersistentVolumeClaim(claimName: "\(agent.id.name)-workspace")),
      ] + secretsVolume(of: agent)))
}

/// The agent's secrets as files, of the Secrets Store CSI Driver; none for an agent that has none.
private func secretsVolume(of agent: Agent) -> [Volume] {
  guard !agent.spec.secrets.isEmpty else { return [] }
  return [
    Volume(
      name: "secrets",
      csi: Volume.CSI(
        driver: secretsVolumeDriver, readOnly: true,
        volumeAttributes: [
          "secretProviderClass": "\(agent.id.name)-secrets",
          secretNamesAttribute: agent.spec.secrets.map(\.description).joined(separator: ","),
        ]))
  ]
}
