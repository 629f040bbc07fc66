import Documents
import JSONValues
import Manifests

/// Which Pods of a cluster a constraint of the policy is about. On one machine there are agents and nothing else.
enum ConstraintReach {
  /// All Pods of the platform's namespaces.
  case platform
  /// But for those of the sentinel, which has one directory of its node: admission/guards.yaml says which.
  case platformWithoutSentinel
  /// Agents and their gateways.
  case tenants
  /// Agents. A gateway speaks for them to the mesh: it has a token for that, and runs outside gVisor.
  case agents

  init(_ constraint: String) {
    self =
      switch constraint {
      case "allowed-registries", "no-service-account-token", "runtime-class": .agents
      // Of a tenant; and what somebody added to the policy, which was written for agents.
      case "required-labels": .tenants
      case "no-host-paths": .platformWithoutSentinel
      case "drop-all-capabilities", "image-digests", "no-host-namespaces", "no-host-ports",
        "no-latest-tag", "no-privilege-escalation", "no-privileged-containers", "read-only-root-filesystem",
        "required-resources", "run-as-non-root", "seccomp":
        .platform
      default: .tenants
      }
  }
}

extension Platform {
  /// The constraints of the policy, each with what a cluster's needs beside: whom it is about.
  ///
  /// - Parameter withNamespaces: whether they select namespaces; who selects them elsewhere cannot know their labels.
  /// - Throws: `Fault(.invalid)` for a file that holds no constraint.
  func constraints(withNamespaces: Bool) throws -> [Constraint] {
    try texts.files(below: "gatekeeper/constraints").flatMap { file in
      try Manifest.parse(file.text, source: "policy/\(file.path)").map { manifest in
        var fields = try Fields(manifest)
        let (version, kind) = (try fields.require("apiVersion").string(), try fields.require("kind").string())
        var metadata = try Fields(try fields.require("metadata"))
        let name = try metadata.require("name").string()
        var spec = fields.take("spec").map(JSON.init) ?? [:]
        spec["match"] = Self.narrowed(spec["match"] ?? [:], ConstraintReach(name), withNamespaces: withNamespaces)
        return Constraint(
          apiVersion: version, kind: kind, metadata: Self.meta(name, of: "admission"), spec: spec)
      }
    }
  }

  private static func narrowed(
    _ match: JSON, _ reach: ConstraintReach, withNamespaces: Bool
  ) -> JSON {
    var match = match
    func require(_ selector: String, _ key: String, _ more: [String: JSON]) {
      let requirement = JSON.object(more.merging(["key": .string(key)]) { $1 })
      var expressions = match[selector] ?? [:]
      expressions["matchExpressions"] = .array((expressions["matchExpressions"]?.array ?? []) + [requirement])
      match[selector] = expressions
    }
    if reach == .agents { require("labelSelector", AgentLabel.gatewayOf, ["operator": "DoesNotExist"]) }
    guard withNamespaces else { return match }
    switch reach {
    case .platform, .platformWithoutSentinel:
      require("namespaceSelector", "app.kubernetes.io/part-of", ["operator": "In", "values": ["lobstack"]])
      guard reach == .platformWithoutSentinel else { break }
      require(
        "namespaceSelector", "app.kubernetes.io/name",
        ["operator": "NotIn", "values": [.string(Platform.sentinelName)]])
    case .tenants, .agents: require("namespaceSelector", tenantLabel, ["operator": "Exists"])
    }
    return match
  }
}
