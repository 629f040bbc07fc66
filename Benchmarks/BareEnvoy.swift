import AgentModel
import JSONValues
import Proxy

/// Envoy as somebody would set it up by hand for the same way, with nothing of Lobstack's in it.
enum BareEnvoy {
  static func bootstrap(admin: String, listeners: [JSON], clusters: [JSON] = []) -> JSON {
    [
      "node": ["id": "bare", "cluster": "bare"],
      "admin": ["address": EnvoyAddress.pipe(admin, mode: 0o600).json],
      "static_resources": ["listeners": .array(listeners), "clusters": .array(clusters)],
    ]
  }

  static func listener(_ name: String, _ address: EnvoyAddress, tls: JSON? = nil, _ manager: JSON) -> JSON {
    let chain: JSON = ["filters": [manager]]
    return [
      "name": .string(name), "address": address.json,
      "filter_chains": [tls.map { chain.adding(["transport_socket": $0]) } ?? chain],
    ]
  }

  /// A connection manager as it is by default.
  static func manager(routes: [JSON], filters: [JSON], _ more: [String: JSON] = [:]) -> JSON {
    let fields: [String: JSON] = [
      "stat_prefix": "bare",
      "route_config": ["virtual_hosts": [["name": "all", "domains": ["*"], "routes": .array(routes)]]],
      "http_filters": .array(filters + [HTTPConnections.router]),
    ]
    return .extension(
      "envoy.filters.network.http_connection_manager",
      .typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        fields.merging(more) { $1 }))
  }

  static func cluster(_ name: String, _ address: EnvoyAddress, tls: JSON? = nil) -> JSON {
    let plain: JSON = [
      "name": .string(name), "type": "STATIC", "connect_timeout": "2s",
      "load_assignment": address.assignment(of: name),
    ]
    return tls.map { plain.adding(["transport_socket": $0]) } ?? plain
  }

  private static func route(_ prefix: String, to cluster: String, _ more: [String: JSON] = [:]) -> JSON {
    let route: JSON = ["match": ["prefix": .string(prefix)], "route": ["cluster": .string(cluster), "timeout": "30s"]]
    return route.adding(more)
  }

  // MARK: In place of the gateway

  /// The gateway's listener with the gateway's filters: TLS 1.3 with the same certificate, a limit of the rate, of the
  /// body, a question to an authorisation server for what is an agent's, an access log. What it lacks is what Lobstack
  /// adds: mutual TLS behind, rules for headers, hosts and paths, a bucket for each client, headers in answers.
  static func gateway(_ site: ProxySite, port: UInt16) throws -> BenchmarkEnvoy {
    let path = site.directory.path
    let tls = TLSContexts.downstream(
      [
        "tls_params": TLSContexts.parameters().adding(["ecdh_curves": ["X25519MLKEM768", "X25519", "P-256"]]),
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [
          TLSContexts.secret("public", path: site.gatewayLayout.files.path(of: .secret("public")))
        ],
      ], requiresCertificate: false)
    let unasked: JSON = [
      "authorization": .typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", ["disabled": true])
    ]
    let manager = manager(
      routes: [
        route("/agents/", to: "behind"), route("/", to: "behind", ["typed_per_filter_config": unasked]),
      ], filters: [rateLimit, bodyLimit, authorization],
      ["access_log": [AccessLog.file("\(path)/bare.jsonl", kind: "request", fields: AccessLog.request)]])
    let admin = "\(path)/bare-gateway.sock"
    return try BenchmarkEnvoy(
      "bare-gateway", in: path,
      bootstrap: bootstrap(
        admin: admin, listeners: [listener("public", .tcp("127.0.0.1", port), tls: tls, manager)],
        clusters: [cluster("behind", .pipe(site.stub.plainSocket))]), adminSocket: admin)
  }

  private static var rateLimit: JSON {
    let always: JSON = ["default_value": ["numerator": 100]]
    return .extension(
      "rate",
      .typed(
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        [
          "stat_prefix": "rate", "filter_enabled": always, "filter_enforced": always,
          "token_bucket": ["max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"],
        ]))
  }

  private static var bodyLimit: JSON {
    .extension("body", .typed("envoy.extensions.filters.http.buffer.v3.Buffer", ["max_request_bytes": 1_048_576]))
  }

  private static var authorization: JSON {
    .extension(
      "authorization",
      .typed(
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        [
          "stat_prefix": "authorization",
          "http_service": [
            "server_uri": ["uri": "http://behind", "cluster": "behind", "timeout": "2s"],
            "path_prefix": "/internal/authorize",
          ],
          "allowed_headers": ["patterns": [["exact": "authorization"]]],
        ]))
  }

  // MARK: In place of the node proxy

  struct ProxyPorts: Sendable {
    let host: UInt16
    let api: UInt16
  }

  /// Two listeners of plain HTTP with no filter but the router: one leads to the host outside over TLS, with the same
  /// checks of its certificate, one to the platform's API with the certificate of the one agent.
  static func proxy(_ site: ProxySite, ports: ProxyPorts) throws -> BenchmarkEnvoy {
    let path = site.directory.path
    let host = TLSContexts.upstream(
      [
        "tls_params": TLSContexts.parameters(from: .tls12),
        "validation_context": [
          "trusted_ca": ["filename": .string(site.proxyLayout.hostRoots)],
          "match_typed_subject_alt_names": [TLSContexts.Subject.dns(ProxySite.host).json],
        ],
      ], serverName: ProxySite.host)
    let certificate = try site.identities.certificate(of: try parsed(AgentID(ProxySite.agent)))
    let api = TLSContexts.upstream([
      "tls_params": TLSContexts.parameters(), "tls_certificates": [certificate.json],
      "validation_context": ["trusted_ca": ["inline_string": .string(site.identities.roots)]],
    ])
    func way(_ name: String, _ port: UInt16) -> JSON {
      listener(name, .tcp("127.0.0.1", port), manager(routes: [route("/", to: name)], filters: []))
    }
    let admin = "\(path)/bare-proxy.sock"
    return try BenchmarkEnvoy(
      "bare-proxy", in: path,
      bootstrap: bootstrap(
        admin: admin, listeners: [way("host", ports.host), way("api", ports.api)],
        clusters: [
          cluster("host", .tcp(site.stub.address, StubUpstream.hostPort), tls: host),
          cluster("api", .pipe(site.stub.apiSocket), tls: api),
        ]), adminSocket: admin)
  }
}
