import FoundationEssentials

/// Why a peer's certificate is not believed.
package enum PeerRefusal: Hashable, Sendable, CustomStringConvertible {
  case noCertificate
  /// More certificates, or more bytes, than any chain of ours has.
  case tooLarge
  /// The certificate at this place of the chain does not parse.
  case malformed(Int)
  /// A certificate of a server, or of another world: it has no URI.
  case noURI
  case severalURIs(Int)
  /// The URI is no SPIFFE id of a workload.
  case notSPIFFEID
  /// The trust domain that it names.
  case wrongTrustDomain(String)
  /// The certificate of an authority, shown as if it were a workload's.
  case authority
  /// It may not sign, or may sign more than a workload has to.
  case keyUsage
  /// It is not for both sides of TLS.
  case extendedKeyUsage
  case notYetValid(Date)
  case expired(Date)
  /// No path of valid signatures leads to a root of the bundle.
  case foreign
  /// Signed by a root of the bundle, but a certificate on the way up may not do that, or not now.
  case path(String)

  package var description: String {
    switch self {
    case .noCertificate: "it showed no certificate"
    case .tooLarge: "its chain of certificates is too large"
    case .malformed(let place): "certificate \(place) of its chain is malformed"
    case .noURI: "its certificate has no URI"
    case .severalURIs(let count): "its certificate has \(count) URIs instead of 1"
    case .notSPIFFEID: "the URI of its certificate is no SPIFFE id"
    case .wrongTrustDomain(let domain): "its certificate is of the trust domain \(domain)"
    case .authority: "its certificate is an authority's"
    case .keyUsage: "its certificate has the wrong key usage"
    case .extendedKeyUsage: "its certificate is not for TLS clients and servers"
    case .notYetValid(let time): "its certificate is not valid before \(time.ISO8601Format())"
    case .expired(let time): "its certificate expired at \(time.ISO8601Format())"
    case .foreign: "no trusted root has signed its certificate"
    case .path(let reason): "its chain of certificates is not allowed: \(reason)"
    }
  }
}
