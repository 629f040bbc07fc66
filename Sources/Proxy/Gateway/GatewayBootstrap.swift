import AgentModel
import JSONValues

extension GatewayLayout {
  /// The whole configuration of the gateway's Envoy, but for its certificates.
  package var bootstrap: JSON {
    [
      "node": ["id": "gateway", "cluster": "lobstack"],
      "admin": ["address": EnvoyAddress.pipe(adminSocket, mode: 0o660).json],
      "static_resources": [
        "listeners": .array([publicListener] + plainListeners),
        "clusters": .array(
          [
            cluster(
              Upstream.api, socket: apiSocket, service: .controlPlane, protocolOptions: ["http_protocol_options": [:]]),
            cluster(
              Upstream.agents, socket: ingressSocket, service: .proxy,
              protocolOptions: ["http2_protocol_options": HTTPConnections.http2(streams: 100, extendedConnect: true)]),
          ]),
      ],
      "overload_manager": overloadManager,
    ]
  }

  /// Clusters by what answers there.
  enum Upstream {
    static let api = "api"
    static let agents = "agents"
  }

  // MARK: Listeners

  private var publicListener: JSON {
    let tls = TLSContexts.downstream(
      [
        "tls_params": TLSContexts.parameters().adding([
          // The hybrid key agreement first: what is recorded today stays closed to a quantum computer.
          "ecdh_curves": ["X25519MLKEM768", "X25519", "P-256"]
        ]),
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [secret(Secret.publicCertificate)],
      ], requiresCertificate: false)
    return listener(
      "public", port: port,
      chain: [
        "filters": [
          manager(
            "public", routes: routes, filters: [rateLimit, bodyLimit, authorization],
            [
              // No extended CONNECT (RFC 8441): it has no Sec-WebSocket-Key, without which an agent's server refuses.
              // Clients that are not offered it open a connection of HTTP/1.1 for a WebSocket.
              "http2_protocol_options": HTTPConnections.http2(streams: 100).adding([
                // One bad stream does not end the others of its connection.
                "override_stream_error_on_invalid_http_message": true
              ])
            ])
        ],
        "transport_socket": tls, "transport_socket_connect_timeout": "5s",
      ])
  }

  private var plainListeners: [JSON] {
    guard let plainPort else { return [] }
    return [
      listener(
        "plain", at: plainAddress, port: plainPort,
        chain: ["filters": [manager("plain", routes: plainRoutes, filters: [rateLimit])]])
    ]
  }

  func listener(_ name: String, at other: String? = nil, port: UInt16, chain: JSON) -> JSON {
    let place = other ?? address
    let address: JSON =
      place == "::"
      ? ["socket_address": ["address": "::", "port_value": .int(Int(port)), "ipv4_compat": true]]
      : EnvoyAddress.tcp(place, port).json
    return [
      "name": .string(name), "address": address, "tcp_backlog_size": 1024,
      "per_connection_buffer_limit_bytes": 65536, "filter_chains": [chain],
      // Another process of the same user must not share the port.
      "enable_reuse_port": false,
    ]
  }

  func manager(_ name: String, routes: [JSON], filters: [JSON], _ more: [String: JSON] = [:]) -> JSON {
    let options: [String: JSON] = [
      "stat_prefix": .string(name),
      // The peer's address is the client's, and its `x-envoy-` headers are nobody's.
      "use_remote_address": true, "skip_xff_append": true,
      "early_header_mutation_extensions": [clientHeaders],
      "http_protocol_options": ["accept_http_10": false, "allow_absolute_url": false],
      "common_http_protocol_options": [
        "idle_timeout": "60s", "headers_with_underscores_action": "REJECT_REQUEST", "max_headers_count": 64,
      ],
      "max_request_headers_kb": .int(limits.headers),
      // Bounds the time of a whole request, which streams do not have; those without have it by their route.
      "request_timeout": "0s",
      "stream_idle_timeout": "60s",
      "generate_request_id": true, "always_set_request_id_in_response": true,
      "local_reply_config": replies,
      "access_log": [AccessLog.file(accessLog, kind: "request", fields: Self.logFields)],
      "route_config": [
        "name": .string(name),
        "virtual_hosts": [["name": "all", "domains": ["*"], "routes": .array(routes)]],
        "response_headers_to_remove": ["server", "via", "x-powered-by", "x-envoy-upstream-service-time"],
      ],
      "http_filters": .array(filters + [HTTPConnections.router]),
    ]
    return HTTPConnections.manager(options.merging(more) { $1 })
  }

  /// No query and no header: both may hold a token.
  private static let logFields: [String: JSON] = [
    "client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
    "host": .string("%REQ(:AUTHORITY):\(AccessLog.longestHost)%"),
    "method": "%REQ(:METHOD):16%",
    "path": .string("%PATH(NQ):\(AccessLog.longestPath)%"),
    "protocol": "%PROTOCOL%",
    "tls": "%DOWNSTREAM_TLS_VERSION%",
    "code": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "route": "%ROUTE_NAME%",
    "requestID": "%REQ(X-REQUEST-ID):64%",
    // Of calls of agents: whom the control plane let pass.
    "caller": .string("%DYNAMIC_METADATA(envoy.filters.http.ext_authz:\(callerHeader)):256%"),
    "bytesReceived": "%BYTES_RECEIVED%",
    "bytesSent": "%BYTES_SENT%",
    "milliseconds": "%DURATION%",
  ]

  // MARK: Clusters

  private func secret(_ name: String) -> JSON { TLSContexts.secret(name, path: files.path(of: .secret(name))) }

  private func cluster(
    _ name: String, socket: String, service: SPIFFEID.Service, protocolOptions: JSON
  ) -> JSON {
    let peer = SPIFFEID.service(service, in: trustDomain)
    let tls = TLSContexts.upstream([
      "tls_params": TLSContexts.parameters(),
      "tls_certificate_sds_secret_configs": [secret(Secret.identity)],
      "combined_validation_context": TLSContexts.validation(of: .uri("\(peer)"), bundle: secret(Secret.trust)),
    ])
    let http = JSON.typed(
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      [
        // Below a minute, so that no server closes a connection that is about to be used.
        "common_http_protocol_options": ["idle_timeout": "50s"],
        "explicit_http_config": protocolOptions,
      ])
    return [
      "name": .string(name), "type": "STATIC", "connect_timeout": "2s",
      "per_connection_buffer_limit_bytes": 65536,
      "load_assignment": EnvoyAddress.pipe(socket).assignment(of: name),
      "circuit_breakers": [
        "thresholds": [
          [
            "max_connections": 1024, "max_pending_requests": 1024, "max_requests": .int(limits.connections),
          ]
        ]
      ],
      "transport_socket": tls,
      "typed_extension_protocol_options": ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http],
    ]
  }

  // MARK: Overload

  var overloadManager: JSON {
    let connections = "envoy.resource_monitors.global_downstream_max_connections"
    let heap = "envoy.resource_monitors.fixed_heap"
    func action(_ name: String, at threshold: Double) -> JSON {
      [
        "name": .string("envoy.overload_actions.\(name)"),
        "triggers": [["name": .string(heap), "threshold": ["value": .double(threshold)]]],
      ]
    }
    return [
      "resource_monitors": [
        .extension(
          connections,
          .typed(
            "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            ["max_active_downstream_connections": .int(limits.connections)])),
        .extension(
          heap,
          .typed(
            "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
            ["max_heap_size_bytes": .int(limits.heap)])),
      ],
      // Bodies that are kept until they are complete: those that hold most go first, long before nobody is served.
      "buffer_factory_config": ["minimum_account_to_track_power_of_two": 18],
      "actions": [
        [
          "name": "envoy.overload_actions.reset_high_memory_stream",
          "triggers": [
            ["name": .string(heap), "scaled": ["scaling_threshold": 0.6, "saturation_threshold": 0.9]]
          ],
        ],
        action("shrink_heap", at: 0.85), action("disable_http_keepalive", at: 0.9),
        action("stop_accepting_requests", at: 0.95),
      ],
    ]
  }
}
