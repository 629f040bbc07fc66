import JSONValues

/// Where Envoy listens or connects.
package enum EnvoyAddress: Hashable, Sendable {
  case tcp(String, UInt16)
  /// A Unix socket. The mode counts for listeners alone.
  case pipe(String, mode: Int? = nil)

  package var json: JSON {
    switch self {
    case .tcp(let address, let port):
      ["socket_address": ["address": .string(address), "port_value": .int(Int(port))]]
    case .pipe(let path, let mode):
      ["pipe": .object(["path": .string(path)].merging(mode.map { ["mode": .int($0)] } ?? [:]) { $1 })]
    }
  }

  /// A cluster's only endpoint: its `load_assignment`.
  package func assignment(of cluster: String) -> JSON {
    [
      "cluster_name": .string(cluster),
      "endpoints": [["lb_endpoints": [["endpoint": ["address": json]]]]],
    ]
  }
}

extension JSON {
  /// Subscribes to a file that is replaced by renaming. Each subscription costs Envoy one inotify instance, of which
  /// the kernel gives a user 128 unless told otherwise; Envoy ends itself when there is none.
  package static func fileSource(_ path: String) -> JSON {
    ["path_config_source": ["path": .string(path)], "resource_api_version": "V3"]
  }

  /// Subscribes to a file of a volume of Kubernetes, where all files are links that change together: the move that
  /// changes them happens in the volume's own directory, and never to the file.
  package static func volumeSource(_ directory: String, file: String) -> JSON {
    [
      "path_config_source": [
        "path": .string("\(directory)/\(file)"), "watched_directory": ["path": .string(directory)],
      ],
      "resource_api_version": "V3",
    ]
  }

  /// A named extension with its configuration.
  package static func `extension`(_ name: String, _ configuration: JSON) -> JSON {
    ["name": .string(name), "typed_config": configuration]
  }

  /// The object with more fields; the value itself when it is none.
  package func adding(_ fields: [String: JSON]) -> JSON {
    guard case .object(let own) = self else { return self }
    return .object(own.merging(fields) { _, last in last })
  }
}

extension [String: JSON] {
  /// Fields of a cluster whose only endpoint is a name of Kubernetes, as one's own namespace or the cluster knows it.
  static func cluster(lookedUpBy resolver: NodeProxyLayout.Resolver?) -> Self {
    [
      "cluster_type": .extension(
        "envoy.clusters.dns", .typed("envoy.extensions.clusters.dns.v3.DnsCluster", lookUp(by: resolver))),
      "wait_for_warm_on_init": false,
    ]
  }

  /// How names of Kubernetes are looked up.
  static func lookUp(by resolver: NodeProxyLayout.Resolver?) -> Self {
    [
      "dns_lookup_family": "V4_ONLY", "dns_refresh_rate": "5s",
      // Otherwise a name that was not found once is not looked up again for a minute.
      "dns_failure_refresh_rate": ["base_interval": "2s", "max_interval": "10s"],
      "typed_dns_resolver_config": NodeProxyLayout.Resolver.extension(resolver, searches: true),
    ]
  }
}
