import AgentModel
import JSONValues

/// The Envoy by which requests from outside reach the agents of a cluster, with the routes that the gateway of one
/// machine has for them.
///
/// It asks the control plane about each request, and the answer names the agent's gateway: without one there is nowhere
/// to go for a request, what was authorised and where it goes cannot differ, and agents come and go without a change of
/// this configuration.
package struct AgentIngress: Sendable {
  /// How requests come to it.
  package enum Front: Hashable, Sendable {
    /// From the public gateway, which has told whose address the client's is, by a mesh that says who calls and encrypts
    /// what leaves.
    case mesh
    /// From whatever a cluster without a mesh has, by TLS, as to the control plane: with a certificate in that directory
    /// and the authority beside it.
    case tls(directory: String)
  }

  package var layout: GatewayLayout
  package var probePort = AgentIngressLayout.probePort
  /// Of agents' gateways.
  package var gatewayPort = PairedGatewayLayout.ingressPort
  package var controlPlanePort: UInt16
  /// A name server; `nil` asks the cluster's.
  package var resolver: NodeProxyLayout.Resolver?
  private let front: Front
  private let controlPlane: String

  /// - Parameter controlPlane: the name of its Service, `service.namespace.svc`.
  package init(_ front: Front, controlPlane: String) {
    self.front = front
    self.controlPlane = controlPlane
    controlPlanePort = front == .mesh ? 80 : 443
    layout = GatewayLayout(
      address: "0.0.0.0", port: AgentIngressLayout.port,
      files: EnvoyFiles(directory: AgentIngressLayout.configuration, secretsOnly: true),
      adminSocket: "\(AgentIngressLayout.runtime)/admin.sock", accessLog: AccessLog.standardOutput,
      apiSocket: "\(AgentIngressLayout.runtime)/control-plane.sock", ingressSocket: "")
    // For the rest, threads, statistics and TLS.
    layout.limits.heap = Int(AgentIngressLayout.memory.bytes) * 3 / 4
    // The control plane may have to ask the API server twice.
    layout.limits.authorization = 5
  }

  /// Arguments of Envoy itself.
  package static var arguments: [String] {
    AgentIngress(.mesh, controlPlane: "").layout.arguments(
      bootstrap: "\(AgentIngressLayout.configuration)/\(AgentIngressLayout.bootstrap)")
  }

  /// Files of its volume, by name: the same for the same control plane, byte by byte.
  package static func files(_ front: Front, controlPlane: String) -> [String: String] {
    AgentIngress(front, controlPlane: controlPlane).files
  }

  package var files: [String: String] {
    var files = [AgentIngressLayout.bootstrap: bootstrap.text]
    for file in secrets { files[file.source.fileName] = WrittenFile(resources: file.resources, version: "1").text }
    return files
  }

  package var bootstrap: JSON {
    [
      "node": ["id": "agent-ingress", "cluster": "lobstack"],
      "admin": ["address": EnvoyAddress.pipe(layout.adminSocket, mode: 0o600).json],
      "static_resources": [
        "listeners": [entrance, relay, probes.listener],
        "clusters": [relayed, controlPlaneCluster, agents, probes.cluster],
      ],
      "overload_manager": layout.overloadManager,
    ]
  }

  private var probes: ProbeListener {
    ProbeListener(address: layout.address, port: probePort, adminSocket: layout.adminSocket)
  }

  // MARK: In

  private var entrance: JSON {
    let manager = layout.manager(
      "agents", routes: routes,
      filters: [
        layout.authorization(answeredBy: [AgentIngressLayout.destinationHeader]), destination, forwarding,
      ], edge)
    var chain: [String: JSON] = ["filters": [manager]]
    if case .tls = front {
      chain["transport_socket"] = TLSContexts.downstream(
        [
          "tls_params": TLSContexts.parameters(), "alpn_protocols": ["h2", "http/1.1"],
          "tls_certificate_sds_secret_configs": [secret(GatewayLayout.Secret.publicCertificate)],
        ], requiresCertificate: false)
      chain["transport_socket_connect_timeout"] = "5s"
    }
    return layout.listener("agents", port: layout.port, chain: .object(chain))
  }

  private var routes: [JSON] {
    let removed = JSON.array(
      (layout.agentRoute["request_headers_to_remove"]?.array ?? []) + [.string(AgentIngressLayout.destinationHeader)])
    return layout.refusals + [
      layout.agentRoute.adding(["request_headers_to_remove": removed]),
      layout.route("nothing", ["prefix": "/"], direct: 404),
    ]
  }

  /// What a client may not say, if it comes from one: the public gateway has taken it out already.
  private var edge: [String: JSON] {
    let http2: [String: JSON] = ["http2_protocol_options": HTTPConnections.http2(streams: 100)]
    guard front == .mesh else { return http2 }
    let mutation: JSON = .extension(
      "envoy.http.early_header_mutation.header_mutation",
      .typed(
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        [
          "mutations": .array(
            [AgentIngressLayout.destinationHeader, GatewayLayout.callerHeader].map { ["remove": .string($0)] })
        ]))
    return http2.merging([
      "use_remote_address": false, "skip_xff_append": true, "early_header_mutation_extensions": [mutation],
    ]) { $1 }
  }

  // MARK: To the agent's gateway

  /// Where the request goes: a Service of the cluster that the control plane has named, at that one port. The name that
  /// the client asked for stays what the agent is told.
  private var destination: JSON {
    func state(_ key: String, _ value: String) -> JSON {
      ["object_key": .string(key), "format_string": ["text_format_source": ["inline_string": .string(value)]]]
    }
    let service = "%REQ(\(AgentIngressLayout.destinationHeader))%.svc"
    return .extension(
      "envoy.filters.http.set_filter_state",
      .typed(
        "envoy.extensions.filters.http.set_filter_state.v3.Config",
        [
          "on_request_headers": [
            state("envoy.upstream.dynamic_host", service), state("envoy.upstream.dynamic_port", "\(gatewayPort)"),
          ]
        ]))
  }

  private var forwarding: JSON {
    .extension(
      "envoy.filters.http.dynamic_forward_proxy",
      .typed(
        "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
        ["dns_cache_config": names, "allow_dynamic_host_from_filter_state": true]))
  }

  /// The addresses of the gateways that are called.
  private var names: JSON {
    .object(
      [String: JSON].lookUp(by: resolver).merging(["name": "agents", "host_ttl": "300s", "max_hosts": 16384]) { $1 })
  }

  private var agents: JSON {
    [
      "name": .string(GatewayLayout.Upstream.agents), "connect_timeout": "2s", "lb_policy": "CLUSTER_PROVIDED",
      "per_connection_buffer_limit_bytes": 65536,
      "cluster_type": .extension(
        "envoy.clusters.dynamic_forward_proxy",
        .typed("envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig", ["dns_cache_config": names])),
      "circuit_breakers": [
        "thresholds": [
          ["max_connections": .int(2 * layout.limits.connections), "max_requests": .int(layout.limits.connections)]
        ]
      ],
    ]
  }

  // MARK: To the control plane

  /// Questions have the request's own host, by which a mesh would lead them: here they get the control plane's.
  private var relay: JSON {
    let manager = HTTPConnections.manager([
      "stat_prefix": "questions",
      "route_config": [
        "virtual_hosts": [
          [
            "name": "questions", "domains": ["*"],
            "routes": [
              [
                "match": ["prefix": .string(GatewayLayout.authorizationPath + "/")],
                "route": [
                  "cluster": "control-plane", "host_rewrite_literal": .string(controlPlane),
                  "timeout": .string("\(layout.limits.authorization)s"),
                ],
              ]
            ],
          ]
        ]
      ],
      "http_filters": [HTTPConnections.router],
    ])
    return [
      "name": "questions", "address": EnvoyAddress.pipe(layout.apiSocket, mode: 0o600).json,
      // Its callers are this proxy's own questions.
      "ignore_global_conn_limit": true, "per_connection_buffer_limit_bytes": 65536,
      "filter_chains": [["filters": [manager]]],
    ]
  }

  private var relayed: JSON {
    let name = GatewayLayout.Upstream.api
    return [
      "name": .string(name), "type": "STATIC", "connect_timeout": "1s",
      "load_assignment": EnvoyAddress.pipe(layout.apiSocket).assignment(of: name),
    ]
  }

  private var controlPlaneCluster: JSON {
    var cluster = [String: JSON].cluster(lookedUpBy: resolver)
    cluster["name"] = "control-plane"
    cluster["connect_timeout"] = "2s"
    cluster["load_assignment"] = EnvoyAddress.tcp(controlPlane, controlPlanePort).assignment(of: "control-plane")
    if case .tls = front {
      cluster["transport_socket"] = TLSContexts.upstream(
        [
          "tls_params": TLSContexts.parameters(),
          "combined_validation_context": TLSContexts.validation(
            of: .dns(controlPlane), bundle: secret(GatewayLayout.Secret.trust)),
        ], serverName: controlPlane)
    }
    return .object(cluster)
  }

  // MARK: Certificates

  private func secret(_ name: String) -> JSON {
    TLSContexts.secret(name, path: "\(layout.files.directory)/\(EnvoyFile.Source.secret(name).fileName)")
  }

  /// They name files that change without a change of these.
  private var secrets: [EnvoyFile] {
    guard case .tls(let directory) = front else { return [] }
    func file(_ name: String) -> JSON { ["filename": .string("\(directory)/\(name)")] }
    let watched: JSON = ["path": .string(directory)]
    func secret(_ name: String, _ fields: [String: JSON]) -> EnvoyFile {
      EnvoyFile(
        .secret(name),
        [
          .typed(
            "envoy.extensions.transport_sockets.tls.v3.Secret",
            fields.merging(["name": .string(name)]) { $1 })
        ])
    }
    return [
      secret(
        GatewayLayout.Secret.publicCertificate,
        [
          "tls_certificate": [
            "certificate_chain": file("tls.crt"), "private_key": file("tls.key"), "watched_directory": watched,
          ]
        ]),
      secret(
        GatewayLayout.Secret.trust,
        ["validation_context": ["trusted_ca": file("ca.crt"), "watched_directory": watched]]),
    ]
  }
}
