import AgentModel
import JSONValues

/// The one Envoy through which all agents of an instance reach the outside and are reached: what it is told, as a pure
/// function of the agents. An agent is known by its source address alone, which the firewall keeps true.
///
/// Everything is closed unless a rule opens it, at each of its listeners:
/// - `egress_http`: hosts with a credential, and the platform API as the agent. Only its routes change with the agents.
/// - `egress_tls`: TLS passed through to the hosts of the allow-list.
/// - `ingress`: requests to the agents' ports, from the gateway's identity alone.
package struct NodeProxy: Hashable, Sendable {
  package let layout: NodeProxyLayout

  package init(layout: NodeProxyLayout) {
    self.layout = layout
  }

  /// Arguments of Envoy itself.
  package func arguments(bootstrap: String) -> [String] {
    [
      "-c", bootstrap, "--concurrency", "1", "--disable-hot-restart", "--reject-unknown-dynamic-fields",
      "--drain-time-s", "\(layout.drainSeconds)", "--drain-strategy", "immediate",
      "--file-flush-interval-msec", "300", "-l", "warning",
      // At their usual level these write a line for each oversized request, which agents would fill the disk with.
      "--component-log-level", "http:critical,filter:critical,lua:critical",
    ]
  }

  /// The configuration that Envoy starts with; the rest is in the files that it names.
  package var bootstrap: JSON {
    [
      "node": ["id": "node-proxy", "cluster": "lobstack"],
      "admin": ["address": EnvoyAddress.pipe(layout.adminSocket, mode: 0o600).json],
      "dynamic_resources": [
        "lds_config": layout.subscription(to: .listeners),
        "cds_config": layout.subscription(to: .clusters),
      ],
      "stats_config": [
        "use_all_default_tags": false,
        // A quarter of the memory at 500 agents would be counters that nobody reads.
        "stats_matcher": ["inclusion_list": ["patterns": .array(Self.statistics.map { ["prefix": .string($0)] })]],
      ],
      "overload_manager": overload,
    ]
  }

  private static let statistics = [
    "listener_manager.", "cluster_manager.", "http.", "sds.", "server.", "listener.", "overload.", "cluster.api.",
    "agent_rate.",
  ]

  private var overload: JSON {
    [
      "resource_monitors": [
        .extension(
          "envoy.resource_monitors.global_downstream_max_connections",
          .typed(
            "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            ["max_active_downstream_connections": 8192])),
        .extension(
          "envoy.resource_monitors.fixed_heap",
          .typed(
            "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
            ["max_heap_size_bytes": .int(layout.largestHeap)])),
      ],
      // Streams that hold 128 KiB and more are told apart by what they hold.
      "buffer_factory_config": ["minimum_account_to_track_power_of_two": 18],
      "actions": [
        [
          "name": "envoy.overload_actions.reset_high_memory_stream",
          "triggers": [
            [
              "name": "envoy.resource_monitors.fixed_heap",
              "scaled": ["scaling_threshold": 0.75, "saturation_threshold": 0.95],
            ]
          ],
        ],
        [
          "name": "envoy.overload_actions.stop_accepting_requests",
          "triggers": [["name": "envoy.resource_monitors.fixed_heap", "threshold": ["value": 0.95]]],
        ],
      ],
    ]
  }

  /// The files that Envoy watches, for that state. The same state always gives the same bytes.
  package func files(_ state: NodeProxyState) -> [EnvoyFile] {
    let agents = Self.distinct(state.agents)
    let credentials = CredentialSet(state: state, agents: agents, limit: layout.mostCredentials)
    var files = credentials.secrets.sorted { $0.key < $1.key }.map { key, secret in
      EnvoyFile(key.source, [secret.resource(named: key.source.name)])
    }
    if let mesh = state.mesh {
      files += [
        EnvoyFile(Self.identity, [TLSContexts.certificateResource(named: Self.identity.name, mesh.identity)]),
        EnvoyFile(Self.roots, [TLSContexts.bundleResource(named: Self.roots.name, roots: mesh.roots)]),
        EnvoyFile(.routes(Ingress.name), [Ingress.routes(agents)]),
      ]
    }
    let api = PlatformAPI(layout: layout, state: state)
    let http = EgressHTTP(layout: layout, credentials: credentials, api: api)
    let tls = EgressTLS(layout: layout, agents: agents)
    files += [
      EnvoyFile(
        .clusters,
        credentials.hosts(of: agents).map { $0.json(layout) } + tls.clusters + api.clusters(agents)
          + (state.mesh == nil ? [] : Ingress.clusters(agents, layout))),
      EnvoyFile(.routes(EgressHTTP.name), [http.routes(agents)]),
      EnvoyFile(
        .listeners,
        [http.listener, tls.listener] + (state.mesh == nil ? [] : [Ingress.listener(layout)])),
    ]
    return files
  }

  /// By id. An address that two agents claim is nobody's, and so is an id.
  private static func distinct(_ agents: [ProxiedAgent]) -> [ProxiedAgent] {
    let addresses = Dictionary(grouping: agents, by: \.address)
    let ids = Dictionary(grouping: agents, by: \.id)
    return agents.filter { addresses[$0.address]?.count == 1 && ids[$0.id]?.count == 1 }.sorted { $0.id < $1.id }
  }

  static let identity = EnvoyFile.Source.secret("identity")
  static let roots = EnvoyFile.Source.secret("roots")
}

/// The credentials that are served: known, named by some agent's rule, and within the limit.
struct CredentialSet {
  let secrets: [CredentialKey: ProxySecret]
  private let served: Set<CredentialKey>

  init(state: NodeProxyState, agents: [ProxiedAgent], limit: Int) {
    let named = Set(
      agents.flatMap { agent in agent.egress.compactMap { $0.credential.flatMap { agent.credentials[$0.secret] } } })
    let served = named.filter { state.secrets[$0] != nil }.sorted().prefix(limit)
    secrets = state.secrets.filter { served.contains($0.key) }
    self.served = Set(secrets.keys)
  }

  /// Credentials whose values others bring.
  init(served: Set<CredentialKey>) {
    secrets = [:]
    self.served = served
  }

  /// - Returns: `nil` for a rule without a credential, or whose credential is not served: nothing may be forwarded.
  func host(of allowance: EgressAllowance, agent: ProxiedAgent) -> CredentialHost? {
    guard let credential = allowance.credential, !allowance.host.isWildcard,
      let key = agent.credentials[credential.secret], served.contains(key)
    else { return nil }
    return CredentialHost(
      host: allowance.host, key: key, header: credential.header.lowercased(), prefix: credential.prefix)
  }

  func hosts(of agents: [ProxiedAgent]) -> [CredentialHost] {
    Set(agents.flatMap { agent in agent.egress.compactMap { host(of: $0, agent: agent) } })
      .sorted { $0.cluster < $1.cluster }
  }
}
