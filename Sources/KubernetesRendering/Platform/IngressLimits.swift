import Documents
import JSONValues

// What a client of the gateway may take: the limits of the gateway of a single machine, as far as they need no routes.
extension Platform {
  var gatewayLimits: EnvoyFilter {
    EnvoyFilter(
      metadata: gatewayMeta("gateway-limits"),
      spec: EnvoyFilter.Spec(
        workloadSelector: EnvoyFilter.Selector(labels: Self.selector(Self.gatewayName).matchLabels ?? [:]),
        configPatches: [
          EnvoyFilter.Patch(
            applyTo: "LISTENER", match: ["context": "GATEWAY"],
            // Bounds what a connection holds of a body that nobody takes.
            patch: EnvoyFilter.Change(operation: "MERGE", value: ["per_connection_buffer_limit_bytes": 65536])),
          EnvoyFilter.Patch(
            applyTo: "NETWORK_FILTER", match: Self.connections,
            patch: EnvoyFilter.Change(operation: "MERGE", value: ["typed_config": Self.connectionLimits])),
          EnvoyFilter.Patch(
            applyTo: "HTTP_FILTER", match: Self.connections,
            // First, so that requests that are refused count as well.
            patch: EnvoyFilter.Change(operation: "INSERT_FIRST", value: rateLimit)),
        ]))
  }

  private static let connections: JSON = [
    "context": "GATEWAY",
    "listener": ["filterChain": ["filter": ["name": "envoy.filters.network.http_connection_manager"]]],
  ]

  private static var connectionLimits: JSON {
    .typed(
      "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      [
        // Without these, "/v1/tools/../../admin" passes every rule about "/v1/tools/".
        "normalize_path": true, "merge_slashes": true, "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "http_protocol_options": ["accept_http_10": false],
        "http2_protocol_options": [
          "max_concurrent_streams": 100, "initial_stream_window_size": 65536,
          "initial_connection_window_size": 1_048_576, "override_stream_error_on_invalid_http_message": true,
        ],
        "common_http_protocol_options": [
          "idle_timeout": "60s", "headers_with_underscores_action": "REJECT_REQUEST", "max_headers_count": 64,
        ],
        "max_request_headers_kb": 16, "request_headers_timeout": "10s", "stream_idle_timeout": "300s",
        // Nobody but the gateway tells who the client is, and nobody's `x-envoy-` headers are obeyed.
        "internal_address_config": ["unix_sockets": false], "use_remote_address": true, "skip_xff_append": true,
        "early_header_mutation_extensions": [clientHeaders],
      ])
  }

  private static var clientHeaders: JSON {
    let forbidden = [
      "forwarded", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix", "x-real-ip", "x-original-url",
      "x-rewrite-url", "x-http-method-override", "x-forwarded-client-cert", "proxy",
    ]
    let address = ["x-forwarded-for", "x-lobstack-client-address"].map { name -> JSON in
      [
        "append": [
          "header": ["key": .string(name), "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"],
          "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        ]
      ]
    }
    let mutations: [JSON] =
      forbidden.map { ["remove": .string($0)] } + [
        ["remove_on_match": ["key_matcher": ["prefix": "x-lobstack-"]]]
      ] + address
    return [
      "name": "envoy.http.early_header_mutation.header_mutation",
      "typed_config": .typed(
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        ["mutations": .array(mutations)]),
    ]
  }

  /// Counted by each replica for itself: of one client address (IPv6: of one /64), of one token, and of everybody.
  private var rateLimit: JSON {
    let (rate, burst) = (values.gateway.requestsPerSecond, values.gateway.burst)
    func bucket(_ rate: Int, _ burst: Int) -> JSON {
      ["max_tokens": .int(burst), "tokens_per_fill": .int(rate), "fill_interval": "1s"]
    }
    let always: JSON = ["default_value": ["numerator": 100]]
    let actions: [JSON] = [
      ["masked_remote_address": ["v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64]],
      ["request_headers": ["header_name": "authorization", "descriptor_key": "token"]],
    ]
    return [
      "name": "envoy.filters.http.local_ratelimit",
      "typed_config": .typed(
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        [
          "stat_prefix": "rate_limit", "filter_enabled": always, "filter_enforced": always,
          // No client alone has more than a quarter.
          "token_bucket": bucket(max(2000, 4 * rate), max(4000, 4 * burst)),
          "rate_limits": .array(actions.map { ["actions": [$0]] }),
          // An entry without a value has a bucket for each value.
          "descriptors": .array(
            ["masked_remote_address", "token"].map { key -> JSON in
              ["entries": [["key": .string(key)]], "token_bucket": bucket(rate, burst)]
            }),
          "max_dynamic_descriptors": 10000,
          "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
          "response_headers_to_add": [
            ["header": ["key": "retry-after", "value": "1"], "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"]
          ],
        ]),
    ]
  }
}
