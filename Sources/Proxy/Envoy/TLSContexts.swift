import JSONValues

/// TLS of Envoy's listeners and clusters.
package enum TLSContexts {
  /// The oldest version that a context speaks. The newest is always 1.3, stated because Envoy's clients stop at 1.2
  /// by default.
  package enum Version: String, Sendable {
    case tls12 = "TLSv1_2"
    case tls13 = "TLSv1_3"
  }

  package static func parameters(from version: Version = .tls13) -> JSON {
    [
      "tls_minimum_protocol_version": .string(version.rawValue),
      "tls_maximum_protocol_version": .string(Version.tls13.rawValue),
    ]
  }

  /// Names a secret that Envoy reads from a file.
  package static func secret(_ name: String, path: String) -> JSON {
    ["name": .string(name), "sds_config": .fileSource(path)]
  }

  /// What a subject alternative name must be.
  package enum Subject: Hashable, Sendable {
    case uri(String)
    case uriPrefix(String)
    case dns(String)

    package var json: JSON {
      switch self {
      case .uri(let text): ["san_type": "URI", "matcher": ["exact": .string(text)]]
      case .uriPrefix(let text): ["san_type": "URI", "matcher": ["prefix": .string(text)]]
      case .dns(let text): ["san_type": "DNS", "matcher": ["exact": .string(text)]]
      }
    }
  }

  /// Peers of the given subject whose certificates a bundle of roots vouches for; the bundle is the secret `bundle`.
  package static func validation(of subject: Subject, bundle: JSON) -> JSON {
    [
      "default_validation_context": ["match_typed_subject_alt_names": [subject.json]],
      "validation_context_sds_secret_config": bundle,
    ]
  }

  /// A listener's side.
  package static func downstream(_ common: [String: JSON], requiresCertificate: Bool) -> JSON {
    .extension(
      "envoy.transport_sockets.tls",
      .typed(
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        ["require_client_certificate": .bool(requiresCertificate), "common_tls_context": .object(common)]))
  }

  /// A cluster's side.
  /// - Parameter serverName: The SNI, for hosts that are found by it.
  package static func upstream(_ common: [String: JSON], serverName: String? = nil) -> JSON {
    let sni: [String: JSON] = serverName.map { ["sni": .string($0)] } ?? [:]
    return .extension(
      "envoy.transport_sockets.tls",
      .typed(
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni.merging(["common_tls_context": .object(common)]) { $1 }))
  }
}

extension TLSContexts {
  /// A certificate as a secret that Envoy reads from a file.
  package static func certificateResource(named name: String, _ certificate: WorkloadCertificate) -> JSON {
    .typed(
      "envoy.extensions.transport_sockets.tls.v3.Secret",
      ["name": .string(name), "tls_certificate": certificate.json])
  }

  /// Roots (PEM) as a secret that Envoy reads from a file.
  package static func bundleResource(named name: String, roots: String) -> JSON {
    .typed(
      "envoy.extensions.transport_sockets.tls.v3.Secret",
      ["name": .string(name), "validation_context": ["trusted_ca": ["inline_string": .string(roots)]]])
  }
}
