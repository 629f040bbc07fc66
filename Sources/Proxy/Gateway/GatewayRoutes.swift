import JSONValues

extension GatewayLayout {
  /// The public routes, first match wins. Only requests to agents are authorised here; the API does so itself.
  var routes: [JSON] {
    let own: [JSON] = [
      api(["path": "/v1/trust-bundle"]), api(["path": "/v1/crl"]),
      noToken(["path_separated_prefix": "/v1"]), noToken(["path": "/metrics"]), toDashboard("/"),
      toDashboard("/dashboard"),
      api(["prefix": .string(Self.dashboardPath)], contentPolicy: Self.dashboardPolicy),
      .object([
        "name": "api-stream", "match": ["safe_regex": ["regex": .string(Self.apiStreams)]],
        "route": stream(to: Upstream.api),
        "typed_per_filter_config": .object([Filter.authorization: Self.noAuthorization, Filter.body: Self.noBodyLimit]),
        "response_headers_to_add": Self.securityHeaders(),
      ]),
      api(["path_separated_prefix": "/v1"]),
    ]
    let open = ["/openapi.json", "/healthz", "/livez", "/readyz", "/metrics"].map { api(["path": .string($0)]) }
    return refusals + own + open + [agentRoute, route("nothing", ["prefix": "/"], direct: 404)]
  }

  /// What is refused wherever requests to agents come in.
  var refusals: [JSON] {
    [
      route("bad-host", ["prefix": "/", "headers": [Self.isNoHost]], direct: 400),
      // It shows what proxies added. The API does not serve it either, and says so itself.
      badMethod(["path_separated_prefix": "/agents", "headers": [Self.isTrace]]),
      // It matches no path; without a route its body would be waited for.
      badMethod(["connect_matcher": [:]]),
    ]
  }

  /// Requests to agents, who may make which being asked before.
  var agentRoute: JSON {
    [
      "name": "agent", "match": ["safe_regex": ["regex": .string(Self.agentPaths)]],
      "route": stream(to: Upstream.agents).adding([
        "upgrade_configs": [["upgrade_type": "websocket", "enabled": true]],
        // Who may call is asked once, at the beginning: a token that is revoked ends its streams by this at last.
        "max_stream_duration": ["max_stream_duration": .string("\(limits.agentStream)s")],
      ]),
      // The token is for the platform; an agent that had it could act for the one who sent it.
      "request_headers_to_remove": ["authorization", "cookie", "x-csrf-token"],
      "typed_per_filter_config": .object([Filter.body: Self.noBodyLimit]),
      // All agents share one origin with the API: what would reach beyond an agent's own paths is taken out.
      "response_headers_to_remove": [
        "set-cookie", "clear-site-data", "service-worker-allowed", "alt-svc", "nel", "report-to",
        "reporting-endpoints", "accept-ch", "critical-ch",
      ],
      "response_headers_to_add": Self.securityHeaders(contentPolicy: "sandbox"),
    ]
  }

  /// Port 80: ACME challenges, and the way to HTTPS.
  var plainRoutes: [JSON] {
    var routes: [JSON] = []
    if takesChallenges {
      routes.append([
        "name": "challenge",
        "match": [
          "prefix": "/.well-known/acme-challenge/",
          "headers": [["name": ":method", "string_match": ["exact": "GET"]]],
        ],
        "route": [
          "cluster": .string(Upstream.api), "timeout": "10s", "prefix_rewrite": .string(Self.challengePath),
        ],
        "request_headers_to_remove": ["authorization"],
      ])
    }
    let redirect: JSON = ["https_redirect": true, "response_code": "PERMANENT_REDIRECT"]
    return routes + [
      [
        "name": "redirect", "match": ["prefix": "/"],
        "redirect": port == 443 ? redirect : redirect.adding(["port_redirect": .int(Int(port))]),
      ]
    ]
  }

  /// Requests whose body or answer flows for as long as it takes.
  private static let apiStreams = "/v1/tenants/[^/]+/agents/[^/]+/(exec|logs)|/v1/alerts/stream"
  /// "/agents/<tenant>/<name>/…", in the one spelling that names have. Envoy refuses expressions whose program is long,
  /// as that of `{1,63}` is.
  private static let agentPaths = "/agents/[a-z0-9-]+/[a-z0-9-]+/.*"

  /// Also true of two Host headers, which Envoy joins with a comma (RFC 9112 §3.2: to be refused).
  private static let isNoHost: JSON = [
    "name": ":authority", "invert_match": true,
    "string_match": [
      "safe_regex": ["regex": #"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?"#]
    ],
  ]
  private static let isTrace: JSON = ["name": ":method", "string_match": ["exact": "TRACE"]]

  /// Without a token or a browser's session the API has nothing to wait for: no body is kept, and nobody is asked.
  private func noToken(_ match: [String: JSON]) -> JSON {
    let isMissing: JSON = ["name": "authorization", "present_match": true, "invert_match": true]
    let hasNoSession: JSON = [
      "name": "cookie", "string_match": ["contains": .string("\(Self.sessionCookie)=")], "invert_match": true,
      "treat_missing_header_as_empty": true,
    ]
    let headers: [String: JSON] = ["headers": [isMissing, hasNoSession]]
    let route = route("no-token", .object(match.merging(headers) { _, own in own }), direct: 401)
    return route.adding([
      "response_headers_to_add": Self.securityHeaders(more: [("www-authenticate", "Bearer")])
    ])
  }

  private func badMethod(_ match: JSON) -> JSON {
    route("bad-method", match, direct: 405).adding([
      "response_headers_to_add": Self.securityHeaders(more: [("allow", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")])
    ])
  }

  private func toDashboard(_ path: String) -> JSON {
    [
      "name": "to-dashboard", "match": ["path": .string(path)],
      "redirect": ["path_redirect": .string(Self.dashboardPath), "response_code": "PERMANENT_REDIRECT"],
      "typed_per_filter_config": .object([Filter.authorization: Self.noAuthorization, Filter.body: Self.noBodyLimit]),
      "response_headers_to_add": Self.securityHeaders(),
    ]
  }

  private func api(_ match: JSON, contentPolicy: String = Self.nothingPolicy) -> JSON {
    [
      "name": "api", "match": match,
      "route": [
        "cluster": .string(Upstream.api), "timeout": .string("\(limits.answer)s"),
        "max_stream_duration": ["max_stream_duration": .string("\(limits.request)s")],
      ],
      "typed_per_filter_config": .object([Filter.authorization: Self.noAuthorization]),
      "response_headers_to_add": Self.securityHeaders(contentPolicy: contentPolicy),
    ]
  }

  private func stream(to cluster: String) -> JSON {
    ["cluster": .string(cluster), "timeout": "0s", "idle_timeout": .string("\(limits.idle)s")]
  }

  func route(_ name: String, _ match: JSON, direct status: Int) -> JSON {
    [
      "name": .string(name), "match": match,
      "direct_response": ["status": .int(status)],
      "typed_per_filter_config": .object([Filter.authorization: Self.noAuthorization, Filter.body: Self.noBodyLimit]),
      "response_headers_to_add": Self.securityHeaders(),
    ]
  }

  /// Content Security Policy of answers that are no page.
  package static let nothingPolicy = "default-src 'none'; frame-ancestors 'none'"
  /// Of the dashboard: its own files, its own API, and no text that becomes code.
  package static let dashboardPolicy = """
    default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; \
    base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'
    """

  /// What every answer tells a browser: HTTPS only, for two years; no guessing of types, no frames, no referrer.
  static func securityHeaders(
    contentPolicy: String = Self.nothingPolicy, more: [(String, String)] = []
  ) -> JSON {
    .array((securityHeaderFields(contentPolicy: contentPolicy) + more).map { header($0.0, $0.1) })
  }

  package static func securityHeaderFields(contentPolicy: String) -> [(String, String)] {
    [
      ("strict-transport-security", "max-age=63072000; includeSubDomains"), ("x-content-type-options", "nosniff"),
      ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer"),
      ("cross-origin-resource-policy", "same-origin"), ("content-security-policy", contentPolicy),
    ]
  }

  static func header(_ name: String, _ value: String) -> JSON {
    [
      "header": ["key": .string(name), "value": .string(value)],
      "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    ]
  }
}
