/// What the objects of the Kubernetes API have in common (`meta/v1` ObjectMeta), as far as Lobstack uses it.
package struct ObjectMeta: Hashable, Sendable, Codable {
  package var name: String
  package var namespace: String?
  package var labels: [String: String]?
  package var annotations: [String: String]?

  package init(
    name: String, namespace: String? = nil, labels: [String: String]? = nil, annotations: [String: String]? = nil
  ) {
    self.name = name
    self.namespace = namespace
    self.labels = labels
    self.annotations = annotations
  }
}

/// A Kubernetes Pod (`core/v1`), as far as an agent needs it.
package struct Pod: Hashable, Sendable, Codable {
  package var apiVersion = "v1"
  package var kind = "Pod"
  package var metadata: ObjectMeta
  package var spec: PodSpec

  package init(metadata: ObjectMeta, spec: PodSpec) {
    self.metadata = metadata
    self.spec = spec
  }
}

package struct PodSpec: Hashable, Sendable, Codable {
  package var runtimeClassName: String
  package var restartPolicy: String
  package var automountServiceAccountToken: Bool
  package var enableServiceLinks: Bool
  package var hostname: String
  package var securityContext: PodSecurityContext
  package var containers: [Container]
  package var volumes: [Volume]

  package init(
    runtimeClassName: String, restartPolicy: String, automountServiceAccountToken: Bool, enableServiceLinks: Bool,
    hostname: String, securityContext: PodSecurityContext, containers: [Container], volumes: [Volume]
  ) {
    self.runtimeClassName = runtimeClassName
    self.restartPolicy = restartPolicy
    self.automountServiceAccountToken = automountServiceAccountToken
    self.enableServiceLinks = enableServiceLinks
    self.hostname = hostname
    self.securityContext = securityContext
    self.containers = containers
    self.volumes = volumes
  }
}

package struct PodSecurityContext: Hashable, Sendable, Codable {
  package var runAsNonRoot: Bool
  package var runAsUser: UInt32
  package var runAsGroup: UInt32
  package var fsGroup: UInt32
  package var seccompProfile: SeccompProfile

  package init(
    runAsNonRoot: Bool, runAsUser: UInt32, runAsGroup: UInt32, fsGroup: UInt32, seccompProfile: SeccompProfile
  ) {
    self.runAsNonRoot = runAsNonRoot
    self.runAsUser = runAsUser
    self.runAsGroup = runAsGroup
    self.fsGroup = fsGroup
    self.seccompProfile = seccompProfile
  }
}

package struct SeccompProfile: Hashable, Sendable, Codable {
  package var type: String
  /// Path of a profile relative to the runtime's profile directory; here, to `policy/seccomp`.
  package var localhostProfile: String?

  package init(type: String, localhostProfile: String? = nil) {
    self.type = type
    self.localhostProfile = localhostProfile
  }
}

package struct Container: Hashable, Sendable, Codable {
  package var name: String
  package var image: String
  package var command: [String]?
  package var env: [EnvVar]
  package var ports: [ContainerPort]
  package var resources: ResourceRequirements
  package var securityContext: SecurityContext
  package var volumeMounts: [VolumeMount]

  package init(
    name: String, image: String, command: [String]?, env: [EnvVar], ports: [ContainerPort],
    resources: ResourceRequirements, securityContext: SecurityContext, volumeMounts: [VolumeMount]
  ) {
    self.name = name
    self.image = image
    self.command = command
    self.env = env
    self.ports = ports
    self.resources = resources
    self.securityContext = securityContext
    self.volumeMounts = volumeMounts
  }
}

package struct EnvVar: Hashable, Sendable, Codable {
  package var name: String
  package var value: String

  package init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

package struct ContainerPort: Hashable, Sendable, Codable {
  package var name: String
  package var containerPort: UInt16
  package var `protocol`: String

  package init(name: String, containerPort: UInt16, protocol: String = "TCP") {
    self.name = name
    self.containerPort = containerPort
    self.protocol = `protocol`
  }
}

/// Requests and limits as Kubernetes quantities, keyed `cpu` and `memory`.
package struct ResourceRequirements: Hashable, Sendable, Codable {
  package var requests: [String: String]
  package var limits: [String: String]

  package init(requests: [String: String], limits: [String: String]) {
    self.requests = requests
    self.limits = limits
  }
}

package struct SecurityContext: Hashable, Sendable, Codable {
  package var allowPrivilegeEscalation: Bool
  package var privileged: Bool
  package var readOnlyRootFilesystem: Bool
  package var capabilities: Capabilities

  package init(
    allowPrivilegeEscalation: Bool, privileged: Bool, readOnlyRootFilesystem: Bool, capabilities: Capabilities
  ) {
    self.allowPrivilegeEscalation = allowPrivilegeEscalation
    self.privileged = privileged
    self.readOnlyRootFilesystem = readOnlyRootFilesystem
    self.capabilities = capabilities
  }
}

package struct Capabilities: Hashable, Sendable, Codable {
  package var add: [String]?
  package var drop: [String]

  package init(add: [String]? = nil, drop: [String]) {
    self.add = add
    self.drop = drop
  }
}

package struct VolumeMount: Hashable, Sendable, Codable {
  package var name: String
  package var mountPath: String
  package var readOnly: Bool?

  package init(name: String, mountPath: String, readOnly: Bool? = nil) {
    self.name = name
    self.mountPath = mountPath
    self.readOnly = readOnly
  }
}

/// A volume: exactly one of its sources is set.
package struct Volume: Hashable, Sendable, Codable {
  package var name: String
  package var emptyDir: EmptyDir?
  package var persistentVolumeClaim: PersistentVolumeClaim?
  package var csi: CSI?

  package init(
    name: String, emptyDir: EmptyDir? = nil, persistentVolumeClaim: PersistentVolumeClaim? = nil, csi: CSI? = nil
  ) {
    self.name = name
    self.emptyDir = emptyDir
    self.persistentVolumeClaim = persistentVolumeClaim
    self.csi = csi
  }

  /// A volume that another driver makes for this pod (CSIVolumeSource).
  package struct CSI: Hashable, Sendable, Codable {
    package var driver: String
    package var readOnly: Bool?
    package var volumeAttributes: [String: String]

    package init(driver: String, readOnly: Bool? = nil, volumeAttributes: [String: String]) {
      self.driver = driver
      self.readOnly = readOnly
      self.volumeAttributes = volumeAttributes
    }
  }

  package struct EmptyDir: Hashable, Sendable, Codable {
    package var medium: String?
    package var sizeLimit: String?

    package init(medium: String? = nil, sizeLimit: String? = nil) {
      self.medium = medium
      self.sizeLimit = sizeLimit
    }
  }

  package struct PersistentVolumeClaim: Hashable, Sendable, Codable {
    package var claimName: String

    package init(claimName: String) { self.claimName = claimName }
  }
}
