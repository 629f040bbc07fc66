import AgentModel
import Faults

/// What differs from cluster to cluster: one file, of which every field has a default.
package struct Values: Hashable, Sendable {
  package var profile = Profile.full
  /// Host of the gateway; agents are reached below it.
  package var domain = "lobstack.example.com"
  package var acme = ACME()
  /// Of the mesh, which gives each service account its SPIFFE id.
  package var trustDomain = "cluster.local"
  package var namespaces = Namespaces()
  package var images = Images()
  package var controlPlane = Replicas(least: 3, most: 20)
  package var vault = Vault()
  package var recorder = Recorder()
  package var storage = Storage()
  package var network = Network()
  package var gateway = Gateway()
  /// `nil` where HorizontalPodAutoscalers scale by CPU alone.
  package var keda: KEDA?
  /// Whether VerticalPodAutoscalers tell what the platform's programs would need. They change nothing.
  package var recommendsSizes = false
  package var tiers = Dictionary(uniqueKeysWithValues: Tier.allCases.map { ($0, Size($0)) })
  /// Whether an agent's Pod is made by kubernetes-sigs/agent-sandbox, of a `Sandbox`.
  package var sandboxes = false
  /// By tenant.
  package var tenants: [TenantName: Quota] = [.default: Quota()]

  package init() {}

  package enum Profile: String, Hashable, Sendable, CaseIterable {
    /// With Istio, Gatekeeper, Falco and the Prometheus operator.
    case full
    /// Without them: for a cluster that has none, and needs no mesh between its own services.
    case lean
  }

  /// Whom cert-manager asks for the gateway's certificate (RFC 8555).
  package struct ACME: Hashable, Sendable {
    package var server = "https://acme-v02.api.letsencrypt.org/directory"
    package var email = "operations@example.com"
  }

  package struct Namespaces: Hashable, Sendable {
    package var controlPlane = "lobstack-control-plane"
    /// Of the tenant "default"; those of the others have their name behind it.
    package var agents = "lobstack-agents"
    package var sentinel = "lobstack-sentinel"
    package var vault = "lobstack-vault"
    package var monitoring = "lobstack-monitoring"
    package var ingress = "lobstack-ingress"
    /// Where Istio, Gatekeeper, Falco and KEDA are. They are installed by their own means.
    package var istio = "istio-system"
    package var gatekeeper = "gatekeeper-system"
    package var falco = "falco"
    package var keda = "keda"
  }

  package struct Images: Hashable, Sendable {
    package var lobstack = "registry.example.com/lobstack/lobstack:\(LobstackVersion.current)"
    package var envoy = "docker.io/envoyproxy/envoy:distroless-v1.40.0"
    package var openbao = "quay.io/openbao/openbao:2.7.2"
  }

  package struct Replicas: Hashable, Sendable {
    package var least: Int
    package var most: Int
  }

  package struct Vault: Hashable, Sendable {
    package var replicas = 3
    package var storage = ByteSize(bytes: 10 << 30)
    /// How the servers get at their master key; `nil` for a key in a Secret that whoever runs the cluster makes.
    package var seal: VaultSeal?
  }

  /// Keeps the audit log and alerts.
  package struct Recorder: Hashable, Sendable {
    package var storage = ByteSize(bytes: 10 << 30)
    /// `nil` where the log keeps all of its records.
    package var archive: Archive?
    /// `nil` where nobody is handed checkpoints.
    package var witness: Witness?
  }

  /// Where the audit log's oldest records go: onto another volume.
  package struct Archive: Hashable, Sendable {
    /// How old they are, as `90d`.
    package var after: String
    package var storage = ByteSize(bytes: 50 << 30)
  }

  /// Who is handed checkpoints of the audit log: a web server outside the cluster.
  package struct Witness: Hashable, Sendable {
    package var url: String
    package var port: UInt16
    /// Where it is, as NetworkPolicies see it, in CIDR notation.
    package var addresses: [String]
  }

  /// The class of encrypted volumes.
  package struct Storage: Hashable, Sendable {
    package var className = "lobstack-encrypted"
    /// The CSI driver; its parameters have to make it encrypt.
    package var provisioner = "ebs.csi.aws.com"
    package var parameters = ["type": "gp3", "encrypted": "true"]
  }

  package struct Network: Hashable, Sendable {
    /// The ClusterIP of the agents' name server: one of the cluster's service range that no other service has.
    package var nameServer = "10.96.0.53"
    /// Where the API server is, as NetworkPolicies see it, in CIDR notation.
    package var apiServers = ["10.96.0.1/32"]
    package var apiServerPort: UInt16 = 6443
    /// The ranges of Services' addresses, in CIDR notation (kube-apiserver's --service-cluster-ip-range).
    package var services = ["10.96.0.0/12"]
  }

  package struct Gateway: Hashable, Sendable {
    package var replicas = Replicas(least: 2, most: 10)
    /// For each client, and what it may take at once.
    package var requestsPerSecond = 50
    package var burst = 200
  }

  /// KEDA scales the control plane, by the requests that a Prometheus has counted.
  package struct KEDA: Hashable, Sendable {
    /// Of the Prometheus.
    package var serverAddress: String
    /// Requests a second of each replica.
    package var threshold = 100
  }

  /// What a tier has of a node.
  package struct Size: Hashable, Sendable {
    package var cpu: String
    package var memory: ByteSize

    init(_ tier: Tier) {
      cpu = "\(tier.cpus)"
      memory = tier.memory
    }
  }

  /// The most that the agents of one tenant have together, without what runs beside each.
  package struct Quota: Hashable, Sendable {
    package var agents = 50
    package var cpu = "100"
    package var memory = ByteSize(bytes: 200 << 30)
    package var storage = ByteSize(bytes: 1 << 40)
  }
}

extension Values {
  /// A service account as the API server names it.
  package func serviceAccount(_ name: String, in namespace: String) -> String {
    "system:serviceaccount:\(namespace):\(name)"
  }

  package func namespace(of tenant: TenantName) -> String {
    tenant == .default ? namespaces.agents : "\(namespaces.agents)-\(tenant)"
  }

  /// The namespace that an agent has on the cluster.
  ///
  /// - Parameter operation: of the fault.
  /// - Throws: `Fault(.invalid)` for one of a tenant without a namespace.
  package func namespace(of agent: AgentID, operation: String) throws -> String {
    guard tenants[agent.tenant] != nil else {
      throw Fault(
        .invalid, operation: operation, reason: "the cluster has no namespace for its tenant",
        remedy: "add '\(agent.tenant):' to 'tenants' of the values file")
    }
    return namespace(of: agent.tenant)
  }
}
