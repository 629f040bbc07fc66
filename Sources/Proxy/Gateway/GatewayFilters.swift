import JSONValues

extension GatewayLayout {
  /// Filters by the name that a route refers to them with.
  enum Filter {
    static let rate = "rate-limit"
    static let body = "body-limit"
    static let authorization = "authorization"
  }

  /// The header that tells control plane and agents the client's address. Nobody else can set it.
  package static let clientAddressHeader = "x-lobstack-client-address"
  /// Where the page for browsers is.
  package static let dashboardPath = "/dashboard/"
  /// What stands for a person's token in their browser. The prefix binds it to this host, to TLS and to the whole path
  /// (RFC 6265bis §4.1.3.2).
  package static let sessionCookie = "__Host-lobstack-session"
  /// Where the control plane is asked about a request to an agent: this, then the request's own path.
  package static let authorizationPath = "/internal/authorize"

  /// The header of the control plane's answer that tells who calls an agent, for the access log alone.
  package static let callerHeader = "x-lobstack-caller"

  /// Takes out what a client may not say of itself or its way here, and says it for it.
  var clientHeaders: JSON {
    let forbidden = [
      "forwarded", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix", "x-real-ip", "x-original-url",
      "x-rewrite-url", "x-http-method-override", "x-forwarded-client-cert",
      // CGI programs take it for their HTTP_PROXY.
      "proxy",
    ]
    let address = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
    return .extension(
      "envoy.http.early_header_mutation.header_mutation",
      .typed(
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        [
          "mutations": .array(
            forbidden.map { ["remove": .string($0)] } + [
              ["remove_on_match": ["key_matcher": ["prefix": "x-lobstack-"]]],
              ["append": Self.header("x-forwarded-for", address)],
              ["append": Self.header(Self.clientAddressHeader, address)],
            ])
        ]))
  }

  var rateLimit: JSON {
    func bucket(_ rate: Rate) -> JSON {
      ["max_tokens": .int(rate.burst), "tokens_per_fill": .int(rate.perSecond), "fill_interval": "1s"]
    }
    let always: JSON = ["default_value": ["numerator": 100]]
    return .extension(
      Filter.rate,
      .typed(
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        [
          "stat_prefix": "rate_limit", "filter_enabled": always, "filter_enforced": always,
          "token_bucket": bucket(limits.everybody),
          "rate_limits": [
            ["actions": [["masked_remote_address": ["v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64]]]],
            ["actions": [["request_headers": ["header_name": "authorization", "descriptor_key": "token"]]]],
          ],
          // An entry without a value has a bucket for each value.
          "descriptors": [
            ["entries": [["key": "masked_remote_address"]], "token_bucket": bucket(limits.address)],
            ["entries": [["key": "token"]], "token_bucket": bucket(limits.token)],
          ],
          "max_dynamic_descriptors": 10000,
          "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
          // The buckets fill each second.
          "response_headers_to_add": [Self.header("retry-after", "1")],
        ]))
  }

  /// Holds a body until it is complete, so that no client keeps the control plane waiting for the rest of one.
  var bodyLimit: JSON {
    .extension(
      Filter.body,
      .typed("envoy.extensions.filters.http.buffer.v3.Buffer", ["max_request_bytes": .int(limits.body)]))
  }

  static let noBodyLimit = JSON.typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", ["disabled": true])

  /// Asks the control plane with the request's method, path and token; without its yes nothing passes.
  var authorization: JSON { authorization(answeredBy: []) }

  /// - Parameter headers: of the control plane's answer, which the request then has.
  func authorization(answeredBy headers: [String]) -> JSON {
    func exact(_ names: [String]) -> JSON { ["patterns": .array(names.map { ["exact": .string($0)] })] }
    var answer = [
      "allowed_client_headers": exact(["content-type", "www-authenticate", "retry-after"]),
      // Of the log, and of no request: an agent is not told.
      "dynamic_metadata_from_headers": exact([Self.callerHeader]),
    ]
    if !headers.isEmpty { answer["allowed_upstream_headers"] = exact(headers) }
    return .extension(
      Filter.authorization,
      .typed(
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        [
          "stat_prefix": "authorization",
          "http_service": [
            "server_uri": [
              "uri": "http://api", "cluster": .string(Upstream.api), "timeout": .string("\(limits.authorization)s"),
            ],
            "path_prefix": .string(Self.authorizationPath),
            "authorization_response": .object(answer),
          ],
          "allowed_headers": exact(["authorization", Self.clientAddressHeader, "x-request-id"]),
          "failure_mode_allow": false,
          "status_on_error": ["code": "ServiceUnavailable"],
        ]))
  }

  static let noAuthorization = JSON.typed(
    "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", ["disabled": true])
}
