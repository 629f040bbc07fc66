import JSONValues

/// Where the kubelet asks an Envoy how it does. It asks from the network, where the admin listener is not: of all that
/// that offers, this shows one answer.
struct ProbeListener {
  let address: String
  let port: UInt16
  let adminSocket: String

  var listener: JSON {
    let manager = HTTPConnections.manager([
      "stat_prefix": "probes",
      "route_config": [
        "virtual_hosts": [
          [
            "name": "probes", "domains": ["*"],
            "routes": [
              ["match": ["path": "/ready"], "route": ["cluster": "admin", "timeout": "1s"]],
              ["match": ["path": "/live"], "direct_response": ["status": 200]],
              Route.refusal("only probes come here", status: 404),
            ],
          ]
        ]
      ],
      "http_filters": [HTTPConnections.router],
    ])
    return [
      "name": "probes", "address": EnvoyAddress.tcp(address, port).json,
      // Whoever fills the others must not have the kubelet end the proxy.
      "ignore_global_conn_limit": true, "per_connection_buffer_limit_bytes": 4096,
      "filter_chains": [["filters": [manager]]],
    ]
  }

  /// What the listener asks.
  var cluster: JSON {
    [
      "name": "admin", "type": "STATIC", "connect_timeout": "1s",
      "load_assignment": EnvoyAddress.pipe(adminSocket).assignment(of: "admin"),
    ]
  }
}
