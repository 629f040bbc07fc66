import AgentModel
import JSONValues

/// TLS of agents, passed through untouched to the hosts of their allow-lists: the name in the ClientHello decides,
/// and the proxy itself looks up where that is.
struct EgressTLS {
  let layout: NodeProxyLayout
  let agents: [ProxiedAgent]

  init(layout: NodeProxyLayout, agents: [ProxiedAgent]) {
    self.layout = layout
    self.agents = agents.filter { agent in agent.egress.contains { $0.credential == nil } }
  }

  /// A filter chain for each agent and host: when a rule goes, exactly its connections go with it.
  ///
  /// The matcher first asks who, then which host. Envoy's older way of matching would ask for the host first and not
  /// come back: one agent's rule for `a.example.com` would close that host to another's `*.example.com`.
  var listener: JSON {
    .typed(
      "envoy.config.listener.v3.Listener",
      [
        "name": "egress_tls",
        "address": EnvoyAddress.tcp(layout.serviceAddress, layout.tlsPort).json,
        "freebind": true, "enable_reuse_port": false, "per_connection_buffer_limit_bytes": 65536,
        "listener_filters_timeout": "3s",
        "listener_filters": [
          .extension(
            "envoy.filters.listener.tls_inspector",
            .typed(
              "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", ["initial_read_buffer_size": 4096]))
        ],
        "access_log": [
          AccessLog.file(
            layout.denialLog, kind: "tls",
            fields: AccessLog.connection.merging([
              "agent": .string(layout.source)
            ]) { $1 },
            filter: AccessLog.failedConnections)
        ],
        "filter_chain_matcher": matcher,
        "filter_chains": .array(
          [Self.closed] + agents.flatMap { agent in Self.hosts(of: agent).map { chain(agent, $0) } }),
      ])
  }

  /// Envoy wants one chain and one entry of the map at least. This address is nobody's.
  private static let nobody = "0.0.0.0"
  private static let closed: JSON = [
    "name": "closed",
    "filters": [
      .extension(
        "envoy.filters.network.rbac",
        .typed(
          "envoy.extensions.filters.network.rbac.v3.RBAC", ["stat_prefix": "closed", "rules": ["action": "ALLOW"]])),
      .extension(
        "envoy.filters.network.tcp_proxy",
        .typed(
          "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", ["stat_prefix": "closed", "cluster": "closed"])),
    ],
  ]

  private static func hosts(of agent: ProxiedAgent) -> [HostPattern] {
    Set(agent.egress.filter { $0.credential == nil }.map(\.host)).sorted()
  }

  private static func chainName(_ agent: ProxiedAgent, _ host: HostPattern) -> String { "\(agent.id)/\(host)" }

  private var matcher: JSON {
    let (known, everybody) = layout.audience == .machine ? (agents, nil) : ([], agents.first)
    let matchers = Dictionary(known.map { ($0.address, matcher(of: $0)) }) { first, _ in first }
      .merging([Self.nobody: Self.choice("closed")]) { first, _ in first }
    let tree: JSON = [
      "matcher_tree": [
        "input": .extension(
          "source", .typed("envoy.extensions.matching.common_inputs.network.v3.DirectSourceIPInput")),
        "exact_match_map": ["map": .object(matchers)],
      ]
    ]
    return everybody.map { tree.adding(["on_no_match": matcher(of: $0)]) } ?? tree
  }

  private static func choice(_ chain: String) -> JSON {
    ["action": .extension(chain, .typed("google.protobuf.StringValue", ["value": .string(chain)]))]
  }

  /// Exact names first, then the longest suffix.
  private func matcher(of agent: ProxiedAgent) -> JSON {
    let hosts = Self.hosts(of: agent)
    let name = JSON.extension(
      "name", .typed("envoy.extensions.matching.common_inputs.network.v3.ServerNameInput"))
    let exact = hosts.filter { !$0.isWildcard }.map { ($0.description, Self.choice(Self.chainName(agent, $0))) }
    let wide = hosts.filter(\.isWildcard).sorted {
      ($1.name.utf8.count, $0.name) < ($0.name.utf8.count, $1.name)
    }.map { host -> JSON in
      [
        "predicate": [
          "single_predicate": ["input": name, "value_match": ["suffix": .string(".\(host.name)")]]
        ],
        "on_match": Self.choice(Self.chainName(agent, host)),
      ]
    }
    let suffixes: JSON = ["matcher_list": ["matchers": .array(wide)]]
    guard !exact.isEmpty else { return ["matcher": suffixes] }
    let tree: JSON = [
      "matcher_tree": [
        "input": name, "exact_match_map": ["map": .object(Dictionary(exact) { first, _ in first })],
      ]
    ]
    return ["matcher": wide.isEmpty ? tree : tree.adding(["on_no_match": ["matcher": suffixes]])]
  }

  private func chain(_ agent: ProxiedAgent, _ host: HostPattern) -> JSON {
    [
      "name": .string(Self.chainName(agent, host)),
      "filters": [
        .extension(
          "envoy.filters.network.sni_dynamic_forward_proxy",
          .typed(
            "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
            ["port_value": .int(Int(layout.hostPort)), "dns_cache_config": names(of: agent)])),
        .extension(
          "envoy.filters.network.tcp_proxy",
          .typed(
            "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            [
              "stat_prefix": "egress_tls", "cluster": .string(Self.cluster(of: agent)), "idle_timeout": "3600s",
              "max_connect_attempts": 1,
            ])),
      ],
    ]
  }

  /// A cluster for each agent: its own cache of names and its own limit of connections, so that an agent with a
  /// wildcard fills nobody else's.
  var clusters: [JSON] {
    agents.map { agent in
      .typed(
        "envoy.config.cluster.v3.Cluster",
        [
          "name": .string(Self.cluster(of: agent)), "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "5s",
          "circuit_breakers": ["thresholds": [["max_connections": 256, "max_pending_requests": 64]]],
          "cluster_type": .extension(
            "envoy.clusters.dynamic_forward_proxy",
            .typed(
              "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
              ["dns_cache_config": names(of: agent)])),
        ])
    }
  }

  private static func cluster(of agent: ProxiedAgent) -> String { "tls/\(agent.id)" }

  private func names(of agent: ProxiedAgent) -> JSON {
    [
      "name": .string("\(agent.id)"), "dns_lookup_family": "V4_ONLY", "max_hosts": 64, "host_ttl": "300s",
      // Otherwise a name that was not found once is not looked up again for a minute.
      "dns_failure_refresh_rate": ["base_interval": "2s", "max_interval": "10s"],
      "dns_query_timeout": "5s", "typed_dns_resolver_config": layout.resolverExtension,
    ]
  }
}
