import AgentModel
import JSONValues

/// The Envoy of one agent of a cluster: the agent's only way out and in, with the rules that the node proxy has for it,
/// in files of a ConfigMap.
///
/// Whoever reaches it is the agent, which NetworkPolicies keep true. No credential is in its configuration: they are
/// files of another volume. What changes in either volume is taken without a restart, all but the bootstrap.
package struct PairedGateway: Sendable {
  package var layout: NodeProxyLayout
  package var ingressPort = PairedGatewayLayout.ingressPort
  package var probePort = PairedGatewayLayout.probePort
  private let agent: ProxiedAgent

  /// - Parameters:
  ///   - agent: With the egress that is open now.
  ///   - service: The name by which the cluster finds the agent, within its namespace.
  package init(_ agent: Agent, service: String) {
    let names = Set(agent.spec.egress.compactMap(\.credential?.secret))
    self.agent = ProxiedAgent(
      id: agent.id, address: service, egress: agent.spec.egress,
      credentials: Dictionary(uniqueKeysWithValues: names.map { ($0, .agent(agent.id, $0)) }), ports: agent.spec.ports)
    layout = NodeProxyLayout(
      files: EnvoyFiles(directory: PairedGatewayLayout.configuration),
      adminSocket: "\(PairedGatewayLayout.runtime)/admin.sock", denialLog: AccessLog.standardOutput,
      serviceAddress: "0.0.0.0", apiSocket: "", ingressSocket: "")
    layout.audience = .agent(name: service, credentials: PairedGatewayLayout.credentials)
    layout.httpPort = PairedGatewayLayout.httpPort
    layout.tlsPort = PairedGatewayLayout.tlsPort
    // The rest is for what Envoy holds besides: threads, statistics, TLS.
    layout.largestHeap = Int(PairedGatewayLayout.memory.bytes) * 3 / 4
  }

  /// The files of that agent's gateway, by name: the same for the same agent, byte by byte.
  package static func files(_ agent: Agent, service: String) -> [String: String] {
    PairedGateway(agent, service: service).files
  }

  /// Arguments of Envoy itself.
  package static var arguments: [String] {
    let directory = PairedGatewayLayout.configuration
    return NodeProxy(layout: PairedGateway.placeholder).arguments(
      bootstrap: "\(directory)/\(PairedGatewayLayout.bootstrap)")
  }

  package var files: [String: String] {
    var files = [PairedGatewayLayout.bootstrap: bootstrap.text]
    for file in resources {
      // Its subscribers compare what the file holds; a version would only say that again.
      files[file.source.fileName] = WrittenFile(resources: file.resources, version: "1").text
    }
    return files
  }

  /// What Envoy watches.
  package var resources: [EnvoyFile] {
    let agents = [agent]
    let set = CredentialSet(served: Set(agent.credentials.values))
    let http = EgressHTTP(layout: layout, credentials: set, api: nil)
    let tls = EgressTLS(layout: layout, agents: agents)
    var files = [
      EnvoyFile(
        .clusters,
        set.hosts(of: agents).map { $0.json(layout) } + tls.clusters + Ingress.clusters(agents, layout)),
      EnvoyFile(.routes(EgressHTTP.name), [http.routes(agents)]),
    ]
    var listeners = [http.listener, tls.listener]
    if !agent.ports.isEmpty {
      files.append(EnvoyFile(.routes(Ingress.name), [Ingress.routes(agents)]))
      listeners.append(Ingress.listener(layout, port: ingressPort))
    }
    return files + [EnvoyFile(.listeners, listeners)]
  }

  package var bootstrap: JSON {
    NodeProxy(layout: layout).bootstrap.adding([
      "node": ["id": "paired-gateway", "cluster": "lobstack"],
      "static_resources": ["listeners": [probes.listener], "clusters": [probes.cluster]],
    ])
  }

  private var probes: ProbeListener {
    ProbeListener(address: layout.serviceAddress, port: probePort, adminSocket: layout.adminSocket)
  }

  private static let placeholder = NodeProxyLayout(
    files: EnvoyFiles(directory: PairedGatewayLayout.configuration), adminSocket: "", denialLog: "",
    serviceAddress: "", apiSocket: "", ingressSocket: "")
}
