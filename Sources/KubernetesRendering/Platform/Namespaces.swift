import AgentModel
import Documents

extension Platform {
  var namespaces: [ManifestFile] {
    let names = namespaceNames
    var all = [
      namespace(names.controlPlane, "control-plane", inMesh: true), namespace(names.vault, "vault", inMesh: false),
      sentinelNamespace,
    ]
    if values.profile == .full {
      all += [
        namespace(names.monitoring, "monitoring", inMesh: true), namespace(names.ingress, "ingress", inMesh: true),
      ]
    }
    all += values.tenants.keys.sorted().map { tenant in
      // Each Pod says of itself: agents are outside the mesh, the gateways that hold their identities are in it.
      var namespace = namespace(values.namespace(of: tenant), "agents", inMesh: nil)
      namespace.metadata.labels?[tenantLabel] = "\(tenant)"
      return namespace
    }
    return [ManifestFile("namespaces.yaml", all)]
  }

  /// No other level of Pod Security lets a directory of the node in; admission/guards.yaml asks for the rest.
  private var sentinelNamespace: Namespace {
    var namespace = namespace(namespaceNames.sentinel, Self.sentinelName, inMesh: false, level: "privileged")
    namespace.metadata.annotations = [
      "lobstack.dev/pod-security":
        "privileged, since its Pods have one directory of their node; the ValidatingAdmissionPolicy "
        + "lobstack-sentinel-pods refuses privileges, other directories and the host's namespaces"
    ]
    return namespace
  }

  /// Pod Security "restricted" in all others, of the version that these documents were written for.
  private func namespace(_ name: String, _ part: String, inMesh: Bool?, level: String = "restricted") -> Namespace {
    var labels = Self.labels(part)
    for mode in ["enforce", "audit", "warn"] {
      labels["pod-security.kubernetes.io/\(mode)"] = level
      labels["pod-security.kubernetes.io/\(mode)-version"] = Self.podSecurityVersion
    }
    if values.profile == .full, let inMesh { labels[WellKnownLabel.injection] = inMesh ? "enabled" : "disabled" }
    return Namespace(metadata: ObjectMeta(name: name, labels: labels))
  }

  static let podSecurityVersion = "v1.36"
}
