import AgentModel
import JSONValues

/// Requests of agents in plain HTTP: to hosts with a credential, each under `<host>.lobstack.internal`, and to the
/// platform API under `api.lobstack.internal`.
struct EgressHTTP {
  static let name = "egress_http"
  /// Route tables can look at headers only. This one is set from the connection before anything else looks at the
  /// request, whatever the agent sent under its name, and is gone again before the request leaves.
  static let sourceHeader = "x-lobstack-source"

  let layout: NodeProxyLayout
  let credentials: CredentialSet
  /// `nil` where agents have no way to it.
  let api: PlatformAPI?

  /// The same for all agents and for every change of them: a changed listener would close everybody's connections.
  var listener: JSON {
    .typed(
      "envoy.config.listener.v3.Listener",
      [
        "name": .string(Self.name),
        "address": EnvoyAddress.tcp(layout.serviceAddress, layout.httpPort).json,
        "freebind": true, "enable_reuse_port": false, "per_connection_buffer_limit_bytes": 32768,
        "filter_chains": [
          ["name": "all", "filters": .array((api == nil ? [] : [PlatformAPI.sourceFilter]) + [manager])]
        ],
      ])
  }

  private var manager: JSON {
    HTTPConnections.manager([
      "stat_prefix": .string(Self.name),
      "rds": [
        "route_config_name": .string(Self.name),
        "config_source": layout.subscription(to: .routes(Self.name)),
      ],
      "use_remote_address": true, "skip_xff_append": true,
      "http2_protocol_options": HTTPConnections.http2(streams: 16, connectionWindow: 262_144),
      "stream_idle_timeout": "600s",
      "early_header_mutation_extensions": [
        .extension(
          "envoy.http.early_header_mutation.header_mutation",
          .typed(
            "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            ["mutations": [["remove": .string(Self.sourceHeader)], Self.setting(Self.sourceHeader, layout.source)]]))
      ],
      "http_filters": [rateLimit, bodyLimit, Self.edits, HTTPConnections.router],
      "local_reply_config": HTTPConnections.replies(
        [
          .init(401, "credential missing", becomes: 403), .init(404, "method or path refused", becomes: 403),
          .init(429, "too many requests"),
        ], unreachable: "the host cannot be reached"),
      "access_log": [
        AccessLog.file(
          layout.denialLog, kind: "http", fields: AccessLog.request.merging(["agent": .string(layout.source)]) { $1 },
          filter: AccessLog.ownFailures)
      ],
    ])
  }

  /// A bucket for each agent. The bucket of all is required by Envoy, and never empty.
  private var rateLimit: JSON {
    func bucket(_ rate: Int, burst: Int) -> JSON {
      ["max_tokens": .int(burst), "tokens_per_fill": .int(rate), "fill_interval": "1s"]
    }
    let always: JSON = ["default_value": ["numerator": 100]]
    return .extension(
      "envoy.filters.http.local_ratelimit",
      .typed(
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        [
          "stat_prefix": "agent_rate", "filter_enabled": always, "filter_enforced": always,
          "token_bucket": bucket(1_000_000, burst: 1_000_000),
          "rate_limits": [["actions": [["remote_address": [:]]]]],
          "descriptors": [
            [
              "entries": [["key": "remote_address"]],
              "token_bucket": bucket(layout.requestsPerSecond, burst: 2 * layout.requestsPerSecond),
            ]
          ],
          "max_dynamic_descriptors": 16384,
        ]))
  }

  private var bodyLimit: JSON {
    .extension(
      "envoy.filters.http.body_size_limit",
      .typed(
        "envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit",
        ["max_request_bytes": .int(layout.longestBody)]))
  }

  /// What an agent sends besides its request: nothing that names it, none of its own credentials, and nothing that
  /// would make an answer unreadable to the redaction (a coding, or a part of the text that hides where it was cut).
  private static let edits: JSON = {
    let removed = [
      "authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "forwarded", "via",
      "x-real-ip", "x-request-id", "te", "trailer", "range", "if-range", "x-ms-range",
      // By which some servers take another method or path than the one that the rules saw.
      "x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url",
    ].map { JSON.object(["remove": .string($0)]) }
    let removedByPrefix = ["x-lobstack-", "x-envoy-", "x-forwarded-"].map { prefix in
      JSON.object(["remove_on_match": ["key_matcher": ["prefix": .string(prefix)]]])
    }
    return .extension(
      "envoy.filters.http.header_mutation",
      .typed(
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        [
          "mutations": [
            "request_mutations": .array(removed + removedByPrefix + [setting("accept-encoding", "identity")])
          ]
        ]))
  }()

  private static func setting(_ header: String, _ value: String) -> JSON {
    [
      "append": [
        "header": ["key": .string(header), "value": .string(value)], "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
      ]
    ]
  }
}

extension EgressHTTP {
  /// The route table: by host, then by agent, then by method and path; what falls through is refused with the reason.
  func routes(_ agents: [ProxiedAgent]) -> JSON {
    var hosts: [HostPattern: [(ProxiedAgent, [EgressAllowance])]] = [:]
    for agent in agents {
      let rules = agent.egress.filter { $0.credential != nil && !$0.host.isWildcard }
      for (host, rules) in Dictionary(grouping: rules, by: \.host) { hosts[host, default: []].append((agent, rules)) }
    }
    let named = hosts.sorted { $0.key < $1.key }.map { host, entries in
      Self.virtualHost(
        name: "\(host).\(HostPattern.internalSuffix)",
        lists: entries.map { ($0.0.address, routes(of: $0.0, host: host, rules: $0.1)) },
        otherwise: "none of this agent's egress rules names \(host)")
    }
    let platform = api.map { api in agents.map { ($0.address, api.routes(of: $0)) } } ?? []
    let apiHost = "api.\(HostPattern.internalSuffix)"
    let other: JSON = [
      "name": "other", "domains": ["*"],
      "routes": [Route.refusal("no egress rule with a credential names this host")],
    ]
    return .typed(
      "envoy.config.route.v3.RouteConfiguration",
      [
        "name": .string(Self.name),
        "virtual_hosts": .array(
          named
            + (platform.isEmpty
              ? [] : [Self.virtualHost(name: apiHost, lists: platform, otherwise: "this agent is not known")])
            + [other]),
      ])
  }

  private func routes(of agent: ProxiedAgent, host: HostPattern, rules: [EgressAllowance]) -> [JSON] {
    rules.flatMap { rule in
      RequestMatch.matches(methods: rule.methods, paths: rule.paths).map { match in
        guard let destination = credentials.host(of: rule, agent: agent) else {
          let name = rule.credential.map { "secret '\($0.secret)'" } ?? "no secret"
          return Route.refusal("credential missing: \(name) of agent \(agent.id) is not set", match: match.json)
        }
        return [
          "match": match.json,
          "route": [
            "cluster": .string(destination.cluster), "host_rewrite_literal": .string(host.name), "timeout": "0s",
            "max_stream_duration": ["max_stream_duration": "3600s"],
          ],
          "request_headers_to_remove": [.string(destination.header)],
        ]
      }
    } + [
      Route.refusal("no egress rule of agent \(agent.id) for \(host) allows this method and path")
    ]
  }

  /// Picks an agent's routes by one look-up, so that an agent costs the others no time.
  private static func virtualHost(name: String, lists: [(address: String, routes: [JSON])], otherwise: String) -> JSON {
    let map = Dictionary(lists.map { ($0.address, Route.list($0.routes)) }) { first, _ in first }
    return [
      "name": .string(name), "domains": [.string(name)],
      "matcher": [
        "matcher_tree": [
          "input": .extension(
            "source",
            .typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", ["header_name": .string(sourceHeader)])),
          "exact_match_map": ["map": .object(map)],
        ],
        "on_no_match": Route.only(Route.refusal(otherwise)),
      ],
    ]
  }
}

extension NodeProxyLayout {
  /// Envoy's format for the address of the agent whose request it is.
  var source: String {
    switch audience {
    case .machine: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
    case .agent(let name, _): name
    }
  }
}
