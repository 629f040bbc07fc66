import AgentModel
import JSONValues

/// A host together with the credential that the proxy adds to requests for it: one cluster of the proxy.
struct CredentialHost: Hashable {
  let host: HostPattern
  let key: CredentialKey
  /// In lower case.
  let header: String
  let prefix: String

  /// Names the cluster. What may differ is written out, so that no two clusters share a name.
  var cluster: String { "host/\(host)/\(key)/\(header)/\(prefix)" }

  /// Requests leave over TLS, to nobody but the named host, with the credential in them or not at all.
  func json(_ layout: NodeProxyLayout) -> JSON {
    .typed(
      "envoy.config.cluster.v3.Cluster",
      [
        "name": .string(cluster),
        "cluster_type": .extension(
          "envoy.clusters.dns",
          .typed(
            "envoy.extensions.clusters.dns.v3.DnsCluster",
            [
              "dns_lookup_family": "V4_ONLY", "respect_dns_ttl": true, "all_addresses_in_single_endpoint": true,
              "dns_failure_refresh_rate": ["base_interval": "2s", "max_interval": "60s"],
              "typed_dns_resolver_config": layout.resolverExtension,
            ])),
        // A name server that does not answer would otherwise hold up everything at the start.
        "wait_for_warm_on_init": false,
        "connect_timeout": "5s",
        "per_connection_buffer_limit_bytes": 32768,
        // A host that never reads parks every request with its buffers; one tenant's host parks no more than these.
        "circuit_breakers": [
          "thresholds": [
            ["max_connections": 64, "max_pending_requests": 32, "max_requests": 64, "max_retries": 0]
          ]
        ],
        "load_assignment": EnvoyAddress.tcp(host.name, layout.hostPort).assignment(of: cluster),
        "transport_socket": TLSContexts.upstream(
          [
            "tls_params": TLSContexts.parameters(from: .tls12),
            "validation_context": [
              "trusted_ca": ["filename": .string(layout.hostRoots)],
              "match_typed_subject_alt_names": [TLSContexts.Subject.dns(host.name).json],
            ],
          ], serverName: host.name),
        "typed_extension_protocol_options": [
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": .typed(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            [
              "explicit_http_config": ["http_protocol_options": [:]],
              "common_http_protocol_options": ["idle_timeout": "60s"],
              "http_filters": .array(
                filters(layout) + [
                  .extension(
                    "envoy.filters.http.upstream_codec",
                    .typed("envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"))
                ]),
            ])
        ],
      ])
  }

  private func filters(_ layout: NodeProxyLayout) -> [JSON] {
    switch layout.audience {
    case .machine: [injector(layout), Redaction.filter(header: header, prefix: prefix)]
    case .agent(_, let credentials):
      [Redaction.filter(header: header, prefix: prefix, file: "\(credentials)/\(key.secret)")]
    }
  }

  /// Refuses the request with 401 when the secret is empty.
  private func injector(_ layout: NodeProxyLayout) -> JSON {
    .extension(
      "envoy.filters.http.credential_injector",
      .typed(
        "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
        [
          "overwrite": true,
          "credential": .extension(
            "envoy.http.injected_credentials.generic",
            .typed(
              "envoy.extensions.http.injected_credentials.generic.v3.Generic",
              [
                "header": .string(header), "header_value_prefix": .string(prefix),
                "credential": layout.secret(key.source),
              ])),
        ]))
  }
}

extension NodeProxyLayout {
  var resolverExtension: JSON { resolverExtension(searches: false) }

  /// - Parameter searches: whether a name may be one of the namespace, or of the cluster.
  func resolverExtension(searches: Bool) -> JSON { Resolver.extension(resolver, searches: searches) }
}

extension NodeProxyLayout.Resolver {
  /// - Parameter resolver: `nil` for the machine's own.
  static func `extension`(_ resolver: Self?, searches: Bool) -> JSON {
    var fields: [String: JSON] = searches ? [:] : ["dns_resolver_options": ["no_default_search_domain": true]]
    if let resolver { fields["resolvers"] = [EnvoyAddress.tcp(resolver.address, resolver.port).json] }
    return .extension(
      "envoy.network.dns_resolver.cares",
      .typed("envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", fields))
  }
}
