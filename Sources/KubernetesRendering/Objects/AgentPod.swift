import Documents

/// `core/v1` Pod of an agent on a cluster: what `Documents.Pod` says, and what only a cluster asks about.
struct AgentPod: ClusterObject {
  let apiVersion = "v1"
  let kind = "Pod"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var serviceAccountName: String
    var automountServiceAccountToken: Bool
    var enableServiceLinks: Bool
    var hostname: String
    var runtimeClassName: String
    var priorityClassName: String
    var restartPolicy: String
    var dnsPolicy = "None"
    var dnsConfig: DNSConfig
    var securityContext: PodSecurityContext
    var initContainers: [Container]
    var containers: [Container]
    var volumes: [Volume]
  }

  struct DNSConfig: Encodable, Sendable {
    var nameservers: [String]
    var options: [Option]

    struct Option: Encodable, Sendable {
      var name: String
      var value: String
    }
  }
}

/// `agents.x-k8s.io/v1beta1` Sandbox (kubernetes-sigs/agent-sandbox): a Pod with a controller that makes it anew.
struct Sandbox: ClusterObject {
  let apiVersion = "agents.x-k8s.io/v1beta1"
  let kind = "Sandbox"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var podTemplate: Template
    /// The agent's own Service is there before.
    var service = false
  }

  struct Template: Encodable, Sendable {
    var metadata: Metadata
    var spec: AgentPod.Spec
  }

  struct Metadata: Encodable, Sendable {
    var labels: [String: String]?
    var annotations: [String: String]?
  }
}
