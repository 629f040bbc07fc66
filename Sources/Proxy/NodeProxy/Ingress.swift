import AgentModel
import JSONValues

/// The way in to agents' ports: from the gateway's identity over mutual TLS, then plain HTTP to the agent.
///
/// `/agents/<tenant>/<name>/…` is the port named `http`, `/agents/<tenant>/<name>/<port>/…` the port of that name; the
/// agent sees the rest of the path. The gateway keeps the whole path.
enum Ingress {
  static let name = "ingress"

  static func listener(_ layout: NodeProxyLayout) -> JSON {
    .typed(
      "envoy.config.listener.v3.Listener",
      [
        "name": .string(name),
        "address": EnvoyAddress.pipe(layout.ingressSocket, mode: 0o666).json,
        "per_connection_buffer_limit_bytes": 65536,
        "filter_chains": [
          [
            "name": "gateway", "transport_socket": transportSocket(layout), "transport_socket_connect_timeout": "5s",
            "filters": [manager(layout, filters: [onlyGateway(layout.trustDomain)])],
          ]
        ],
      ])
  }

  /// The same in plain HTTP, for a proxy before which a mesh has already asked who it is.
  static func listener(_ layout: NodeProxyLayout, port: UInt16) -> JSON {
    .typed(
      "envoy.config.listener.v3.Listener",
      [
        "name": .string(name), "address": EnvoyAddress.tcp(layout.serviceAddress, port).json,
        "per_connection_buffer_limit_bytes": 65536,
        "filter_chains": [["name": "mesh", "filters": [manager(layout, filters: [])]]],
      ])
  }

  private static func transportSocket(_ layout: NodeProxyLayout) -> JSON {
    TLSContexts.downstream(
      [
        "tls_params": TLSContexts.parameters(), "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [layout.secret(NodeProxy.identity)],
        "combined_validation_context": TLSContexts.validation(
          of: .uriPrefix("spiffe://\(layout.trustDomain)/"), bundle: layout.secret(NodeProxy.roots)),
      ], requiresCertificate: true)
  }

  private static func manager(_ layout: NodeProxyLayout, filters: [JSON]) -> JSON {
    HTTPConnections.manager([
      "stat_prefix": .string(name),
      "rds": [
        "route_config_name": .string(name),
        "config_source": layout.subscription(to: .routes(name)),
      ],
      "http2_protocol_options": HTTPConnections.http2(streams: 1000, extendedConnect: true),
      "upgrade_configs": [["upgrade_type": "websocket"]],
      "stream_idle_timeout": "3600s",
      "forward_client_cert_details": "SANITIZE",
      "http_filters": .array(filters + [edits, HTTPConnections.router]),
      "local_reply_config": HTTPConnections.replies(
        [.init(403, "only the gateway may come in here")], unreachable: "the agent does not answer on this port"),
      "access_log": [
        AccessLog.file(
          layout.denialLog, kind: "ingress",
          fields: AccessLog.request.merging(["peer": "%DOWNSTREAM_PEER_URI_SAN%"]) { $1 },
          filter: AccessLog.ownFailures)
      ],
    ])
  }

  private static func onlyGateway(_ domain: TrustDomain) -> JSON {
    .extension(
      "envoy.filters.http.rbac",
      .typed(
        "envoy.extensions.filters.http.rbac.v3.RBAC",
        [
          "rules": [
            "action": "ALLOW",
            "policies": [
              "gateway": [
                "principals": [
                  [
                    "authenticated": [
                      "principal_name": ["exact": .string("\(SPIFFEID.service(.gateway, in: domain))")]
                    ]
                  ]
                ],
                "permissions": [["any": true]],
              ]
            ],
          ]
        ]))
  }

  /// An agent sees neither the caller's token and cookies nor what the platform says to itself.
  private static let edits: JSON = {
    let removed = ["authorization", "proxy-authorization", "cookie", "x-forwarded-client-cert"].map {
      JSON.object(["remove": .string($0)])
    }
    let removedByPrefix = ["x-lobstack-", "x-envoy-"].map { prefix in
      JSON.object(["remove_on_match": ["key_matcher": ["prefix": .string(prefix)]]])
    }
    return .extension(
      "envoy.filters.http.header_mutation",
      .typed(
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        ["mutations": ["request_mutations": .array(removed + removedByPrefix)]]))
  }()

  /// The route table: one look-up of the path's beginning for all agents.
  static func routes(_ agents: [ProxiedAgent]) -> JSON {
    let unknown = Route.refusal("no agent of that name has a port", status: 404)
    let lists = agents.filter { !$0.ports.isEmpty }.map { ("/agents/\($0.id)/", Route.list(routes(of: $0))) }
    let host: [String: JSON] =
      lists.isEmpty
      ? ["routes": [unknown]]
      : [
        "matcher": [
          "matcher_tree": [
            "input": .extension(
              "path", .typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", ["header_name": ":path"])),
            "prefix_match_map": ["map": .object(Dictionary(lists) { first, _ in first })],
          ],
          "on_no_match": Route.only(unknown),
        ]
      ]
    return .typed(
      "envoy.config.route.v3.RouteConfiguration",
      [
        "name": .string(name),
        "virtual_hosts": [.object(host.merging(["name": "agents", "domains": ["*"]]) { $1 })],
      ])
  }

  private static func routes(of agent: ProxiedAgent) -> [JSON] {
    let base = "/agents/\(agent.id)/"
    let names = agent.ports.keys.filter { $0 != "http" }.sorted().map { ($0, "\(base)\($0)/") }
    let all = names + (agent.ports["http"] == nil ? [] : [("http", base)])
    return all.map { port, prefix in
      [
        "match": ["prefix": .string(prefix)],
        "route": [
          "cluster": .string(cluster(of: agent, port: port)), "prefix_rewrite": "/", "timeout": "0s",
        ],
      ]
    } + [Route.refusal("agent \(agent.id) has no port of that name", status: 404)]
  }

  static func clusters(_ agents: [ProxiedAgent], _ layout: NodeProxyLayout) -> [JSON] {
    agents.flatMap { agent in
      agent.ports.sorted { $0.key < $1.key }.map { port, number in
        let name = cluster(of: agent, port: port)
        return .typed(
          "envoy.config.cluster.v3.Cluster",
          discovery(layout).merging([
            "name": .string(name), "connect_timeout": "2s", "per_connection_buffer_limit_bytes": 65536,
            "load_assignment": EnvoyAddress.tcp(agent.address, number).assignment(of: name),
          ]) { $1 })
      }
    }
  }

  /// An agent of a machine has its address for life; that of a cluster is looked up, within its own namespace.
  private static func discovery(_ layout: NodeProxyLayout) -> [String: JSON] {
    guard layout.audience != .machine else { return ["type": "STATIC"] }
    return .cluster(lookedUpBy: layout.resolver)
  }

  private static func cluster(of agent: ProxiedAgent, port: String) -> String { "port/\(agent.id)/\(port)" }
}
