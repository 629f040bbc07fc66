import AgentModel
import JSONValues

/// The platform API as agents reach it: over mutual TLS under the agent's own identity, within the rules for it.
///
/// Identity and rules are chosen by two look-ups of the source address, each of which fails closed by itself.
struct PlatformAPI {
  private static let cluster = "api"
  private static let nobody = "nobody"
  private static let stateKey = "lobstack.agent"

  let layout: NodeProxyLayout
  let state: NodeProxyState

  /// Remembers the source address of a connection for the choice of the certificate.
  ///
  /// `envoy.hashable_string` makes the address a part of the connection pool's key. With `envoy.string` Envoy sends one
  /// agent's requests over another's connection, under the other's identity.
  static let sourceFilter = JSON.extension(
    "envoy.filters.network.set_filter_state",
    .typed(
      "envoy.extensions.filters.network.set_filter_state.v3.Config",
      [
        "on_new_connection": [
          [
            "object_key": .string(stateKey), "factory_key": "envoy.hashable_string", "shared_with_upstream": "ONCE",
            "format_string": [
              "text_format_source": ["inline_string": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"]
            ],
          ]
        ]
      ]))

  func routes(of agent: ProxiedAgent) -> [JSON] {
    guard state.mesh != nil else { return [Route.refusal("the platform has no identity yet", status: 503)] }
    guard agent.certificate != nil else {
      return [Route.refusal("agent \(agent.id) has no identity yet", status: 503)]
    }
    let id = SPIFFEID.agent(agent.id, in: layout.trustDomain)
    let allowed = state.apiRules.filter { $0.principal.matches(id) }.flatMap { rule in
      RequestMatch.matches(methods: rule.methods, paths: rule.paths)
    }
    return allowed.map { ["match": $0.json, "route": ["cluster": .string(Self.cluster), "timeout": "0s"]] } + [
      Route.refusal("no rule allows agent \(agent.id) this method and path of the platform API")
    ]
  }

  /// One cluster with a transport socket for each agent. Private keys are written here rather than in secret files,
  /// which would cost an inotify instance each; Envoy shows "[redacted]" for them in dumps and in refused
  /// configurations.
  func clusters(_ agents: [ProxiedAgent]) -> [JSON] {
    guard state.mesh != nil else { return [] }
    let sockets = agents.compactMap { agent in
      agent.certificate.map { (name: "\(agent.id)", address: agent.address, socket: socket($0)) }
    }
    var matcher: [String: JSON] = ["on_no_match": Self.choice(Self.nobody)]
    if !sockets.isEmpty {
      let map = Dictionary(sockets.map { ($0.address, Self.choice($0.name)) }) { first, _ in first }
      matcher["matcher_tree"] = [
        "input": .extension(
          "source",
          .typed(
            "envoy.extensions.matching.common_inputs.transport_socket.v3.FilterStateInput",
            ["key": .string(Self.stateKey)])),
        "exact_match_map": ["map": .object(map)],
      ]
    }
    return [
      .typed(
        "envoy.config.cluster.v3.Cluster",
        [
          "name": .string(Self.cluster), "type": "STATIC", "connect_timeout": "2s",
          "per_connection_buffer_limit_bytes": 65536,
          "load_assignment": EnvoyAddress.pipe(layout.apiSocket).assignment(of: Self.cluster),
          "transport_socket_matches": .array(
            sockets.map { ["name": .string($0.name), "transport_socket": $0.socket] }
              + [["name": .string(Self.nobody), "transport_socket": socket(nil)]]),
          "transport_socket_matcher": .object(matcher),
          "typed_extension_protocol_options": [
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": .typed(
              "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              [
                "explicit_http_config": ["http_protocol_options": [:]],
                "common_http_protocol_options": ["idle_timeout": "60s"],
              ])
          ],
        ])
    ]
  }

  private static func choice(_ socket: String) -> JSON {
    [
      "action": .extension(
        socket,
        .typed(
          "envoy.extensions.matching.common_inputs.transport_socket.v3.TransportSocketNameAction",
          ["name": .string(socket)]))
    ]
  }

  /// - Parameter certificate: `nil` for a source that is nobody's: the control plane ends the handshake.
  private func socket(_ certificate: WorkloadCertificate?) -> JSON {
    let controlPlane = SPIFFEID.service(.controlPlane, in: layout.trustDomain)
    var common: [String: JSON] = [
      "tls_params": TLSContexts.parameters(), "alpn_protocols": ["http/1.1"],
      "combined_validation_context": TLSContexts.validation(
        of: .uri("\(controlPlane)"), bundle: layout.secret(NodeProxy.roots)),
    ]
    if let certificate { common["tls_certificates"] = [certificate.json] }
    return TLSContexts.upstream(common)
  }
}

extension NodeProxyLayout {
  func secret(_ source: EnvoyFile.Source) -> JSON {
    ["name": .string(source.name), "sds_config": subscription(to: source)]
  }

  /// How Envoy is told of one of its files, and of every change of it.
  func subscription(to source: EnvoyFile.Source) -> JSON {
    switch audience {
    case .machine: .fileSource(files.path(of: source))
    case .agent: .volumeSource(files.directory, file: source.fileName)
    }
  }
}
