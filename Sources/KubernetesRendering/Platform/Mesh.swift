import AgentModel
import Blueprint
import Documents
import Faults

extension Platform {
  /// Who speaks to whom inside the mesh: nobody without mutual TLS, and then only who is allowed to.
  func mesh() throws -> [ManifestFile] {
    guard values.profile == .full else { return [] }
    let inMesh =
      [namespaceNames.controlPlane, namespaceNames.ingress, namespaceNames.monitoring] + agentNamespaces
    return [
      // In our namespaces too, so that nobody relaxes ours who relaxes the mesh for another program.
      ManifestFile(
        "mesh/peers.yaml",
        ([namespaceNames.istio] + inMesh).map {
          PeerAuthentication(metadata: Self.meta("default", in: $0, of: "mesh"))
        }),
      ManifestFile("mesh/authorization.yaml", inMesh.map(Self.nobody) + [publicAccess] + (try allowed())),
      // Proxies of the public gateway are no sidecars; it reaches what its routes name.
      ManifestFile(
        "mesh/egress.yaml",
        [
          sidecar(namespaceNames.controlPlane, reaches: [namespaceNames.vault, "default"]),
          sidecar(
            namespaceNames.monitoring,
            reaches: [namespaceNames.controlPlane, namespaceNames.sentinel, "default"]),
        ] + (agentIngress == nil ? [] : [agentIngressSidecar]) + agentNamespaces.map { sidecar($0, reaches: []) }),
    ]
  }

  /// Services of the namespace itself, of the mesh and of some others; the API server is in "default".
  private func sidecar(
    _ namespace: String, of program: String? = nil, reaches others: [String]
  ) -> Sidecar {
    let hosts = [".", namespaceNames.istio] + others
    return Sidecar(
      metadata: Self.meta(program ?? "default", in: namespace, of: "mesh"),
      spec: Sidecar.Spec(
        workloadSelector: program.map { Sidecar.Selector(labels: Self.selector($0).matchLabels ?? [:]) },
        egress: [Sidecar.Listener(hosts: hosts.map { "\($0)/*" })]))
  }

  /// Agents' gateways are what it leads to.
  private var agentIngressSidecar: Sidecar {
    sidecar(namespaceNames.controlPlane, of: Self.agentIngressName, reaches: agentNamespaces)
  }

  var agentNamespaces: [String] { values.tenants.keys.sorted().map(values.namespace(of:)) }

  /// A policy without rules allows nothing, and there is one for everything in the namespace.
  private static func nobody(_ namespace: String) -> AuthorizationPolicy {
    AuthorizationPolicy(metadata: meta("default-deny", in: namespace, of: "mesh"), spec: AuthorizationPolicySpec())
  }

  /// Anybody may ask the gateway for what is served at our domain. Its Pods listen at ports of their own.
  private var publicAccess: AuthorizationPolicy {
    let hosts = [values.domain, "\(values.domain):*"]
    func operation(_ port: UInt16, methods: [String]? = nil) -> AuthorizationRule.To {
      AuthorizationRule.To(operation: .init(hosts: hosts, ports: ["\(port)"], methods: methods))
    }
    return AuthorizationPolicy(
      metadata: Self.meta("public", in: namespaceNames.ingress, of: "mesh"),
      spec: AuthorizationPolicySpec(
        selector: Self.selector(Self.gatewayName),
        rules: [
          AuthorizationRule(to: [
            operation(GatewayPort.https), operation(GatewayPort.http, methods: ["GET", "HEAD"]),
          ])
        ]))
  }

  /// The policies of `policy/mesh` about the platform's own programs, with the mesh's names for who is allowed. Those
  /// about agents stand with each agent.
  private func allowed() throws -> [AuthorizationPolicy] {
    let principals = MeshPrincipals(values: values)
    return try rules.authorizationPolicies.compactMap { policy in
      var policy = policy
      switch policy.spec.selector?.matchLabels {
      case ["lobstack.dev/agent": "true"]: return nil
      case ["app.kubernetes.io/name": "control-plane"]: break
      default:
        throw Fault(
          .invalid, operation: "render the AuthorizationPolicy \(policy.metadata.name) of policy/mesh",
          reason: "its selector is neither that of agents nor that of the control plane",
          remedy: "select lobstack.dev/agent: \"true\" or app.kubernetes.io/name: control-plane")
      }
      for rule in policy.spec.rules.indices {
        policy.spec.rules[rule].from = try policy.spec.rules[rule].from?.map { from in
          .init(source: .init(principals: try from.source.principals.map(principals.principal)))
        }
      }
      policy.metadata.namespace = namespaceNames.controlPlane
      policy.metadata.labels = Self.labels("mesh").merging(policy.metadata.labels ?? [:]) { _, own in own }
      return policy
    }
  }
}
