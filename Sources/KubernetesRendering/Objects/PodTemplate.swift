import Documents

/// `core/v1` PodTemplateSpec of a program of the platform. Agents have `Documents.Pod`.
struct PodTemplate: Encodable, Sendable {
  var metadata: Metadata
  var spec: Spec

  struct Metadata: Encodable, Sendable {
    var labels: [String: String]
    var annotations: [String: String]?
  }

  struct Spec: Encodable, Sendable {
    var serviceAccountName: String
    var automountServiceAccountToken: Bool
    var enableServiceLinks = false
    var priorityClassName: String?
    var hostPID: Bool?
    var nodeSelector: [String: String]?
    var tolerations: [Toleration]?
    var topologySpreadConstraints: [TopologySpread]?
    var affinity: Affinity?
    var securityContext = PodSecurity()
    var terminationGracePeriodSeconds: Int?
    var initContainers: [Container]?
    var containers: [Container]
    var volumes: [Volume]?
  }

  /// Pod Security "restricted": not root, the runtime's own seccomp profile.
  struct PodSecurity: Encodable, Sendable {
    var runAsNonRoot = true
    var runAsUser: Int? = 65532
    var runAsGroup: Int? = 65532
    var fsGroup: Int? = 65532
    var seccompProfile = SeccompProfile(type: "RuntimeDefault")
  }

  struct Container: Encodable, Sendable {
    var name: String
    var image: String
    /// An image names its version, and what has it already needs no registry to start again.
    let imagePullPolicy = "IfNotPresent"
    var command: [String]?
    var args: [String]?
    var env: [Variable]?
    var ports: [ContainerPort]?
    var resources: ResourceRequirements
    var securityContext = Security()
    var startupProbe: Probe?
    var livenessProbe: Probe?
    var readinessProbe: Probe?
    var lifecycle: Lifecycle?
    var volumeMounts: [VolumeMount]?
  }

  /// A container that has nothing of root's, and cannot get it.
  struct Security: Encodable, Sendable {
    var allowPrivilegeEscalation = false
    var privileged = false
    var readOnlyRootFilesystem = true
    var runAsNonRoot: Bool?
    var runAsUser: Int?
    var capabilities = Capabilities(drop: ["ALL"])
  }

  struct Variable: Encodable, Sendable {
    var name: String
    var value: String?
    var valueFrom: Source?

    struct Source: Encodable, Sendable {
      var fieldRef: Field?
      var secretKeyRef: SecretKey?
    }

    struct Field: Encodable, Sendable {
      var fieldPath: String
    }

    struct SecretKey: Encodable, Sendable {
      var name: String
      var key: String
    }
  }

  struct Probe: Encodable, Sendable {
    var httpGet: HTTPGet?
    var exec: Exec?
    var periodSeconds: Int
    var timeoutSeconds = 2
    var failureThreshold: Int

    struct HTTPGet: Encodable, Sendable {
      var path: String
      var port: String
      var scheme: String
    }

    struct Exec: Encodable, Sendable {
      var command: [String]
    }

    /// Asks by HTTP.
    ///
    /// - Parameter seconds: between two questions.
    static func get(
      _ path: String, port: String, scheme: String = "HTTP", every seconds: Int, failures: Int
    ) -> Self {
      Self(
        httpGet: HTTPGet(path: path, port: port, scheme: scheme), periodSeconds: seconds, failureThreshold: failures)
    }
  }

  struct Lifecycle: Encodable, Sendable {
    var preStop: Hook

    struct Hook: Encodable, Sendable {
      var sleep: Sleep
    }

    struct Sleep: Encodable, Sendable {
      var seconds: Int
    }
  }

  struct TopologySpread: Encodable, Sendable {
    var maxSkew = 1
    var topologyKey: String
    var whenUnsatisfiable: String
    var labelSelector: LabelSelector
    var matchLabelKeys: [String]?
    var nodeTaintsPolicy: String?
  }

  struct Affinity: Encodable, Sendable {
    var podAntiAffinity: AntiAffinity

    struct AntiAffinity: Encodable, Sendable {
      var requiredDuringSchedulingIgnoredDuringExecution: [Term]
    }

    struct Term: Encodable, Sendable {
      var labelSelector: LabelSelector
      var topologyKey: String
    }
  }

  /// A volume: exactly one of its sources is set.
  struct Volume: Encodable, Sendable {
    var name: String
    var emptyDir: Documents.Volume.EmptyDir?
    var configMap: ConfigMapSource?
    var secret: SecretSource?
    var csi: Documents.Volume.CSI?
    var projected: Projected?
    var hostPath: HostPath?
    var persistentVolumeClaim: Claim?
  }

  struct Claim: Encodable, Sendable {
    var claimName: String
  }

  struct ConfigMapSource: Encodable, Sendable {
    var name: String
    var defaultMode: Int?
    /// `nil` for all keys, each a file of its name.
    var items: [KeyPath]?
  }

  /// A key, and the file that it is shown as.
  struct KeyPath: Encodable, Sendable {
    var key: String
    var path: String
  }

  struct SecretSource: Encodable, Sendable {
    var secretName: String
    var defaultMode: Int?
    /// Whether a Pod starts without it.
    var optional: Bool?
  }

  struct HostPath: Encodable, Sendable {
    var path: String
    var type: String
  }

  struct Projected: Encodable, Sendable {
    var sources: [Source]
    var defaultMode: Int?

    struct Source: Encodable, Sendable {
      var serviceAccountToken: Token?
      var configMap: ConfigMap?
      var secret: Secret?
    }

    struct Secret: Encodable, Sendable {
      var name: String
      var items: [KeyPath]
    }

    struct Token: Encodable, Sendable {
      /// `nil` for the API server itself.
      var audience: String?
      var expirationSeconds: Int
      var path: String
    }

    struct ConfigMap: Encodable, Sendable {
      var name: String
      var items: [KeyPath]?
      /// Whether a Pod starts without it.
      var optional: Bool?
    }
  }
}
