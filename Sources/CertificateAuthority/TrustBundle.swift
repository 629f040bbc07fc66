import AgentModel
import Faults
import FoundationEssentials
import X509

/// What a verifier needs to know of a trust domain: its roots, and the keys of its tokens.
package struct TrustBundle: Sendable, Hashable {
  package let trustDomain: TrustDomain
  package let anchors: [TrustAnchor]
  let tokenKeys: [TokenKey.Public]
  /// Grows with each change.
  package let sequence: UInt64
  /// How often, in seconds, a verifier that is not told of changes should ask.
  private static let refreshHint = 300

  /// A bundle without keys of tokens, for a verifier of certificates only.
  package init(trustDomain: TrustDomain, anchors: [TrustAnchor], sequence: UInt64 = 0) {
    self.init(trustDomain: trustDomain, anchors: anchors, tokenKeys: [], sequence: sequence)
  }

  init(trustDomain: TrustDomain, anchors: [TrustAnchor], tokenKeys: [TokenKey.Public], sequence: UInt64) {
    self.trustDomain = trustDomain
    self.anchors = anchors
    self.tokenKeys = tokenKeys
    self.sequence = sequence
  }

  /// The id of the trust domain itself, without a path: `spiffe://lobstack.local`.
  package static func id(of domain: TrustDomain) -> String { "spiffe://\(domain)" }

  /// The roots, for Envoy, curl and files.
  package var pem: String { anchors.map(\.pem).joined() }
  /// The roots in DER one after the other, as the SPIFFE Workload API wants them.
  package var concatenated: [UInt8] { anchors.flatMap(\.der) }

  /// The keys of tokens, each PEM, for who takes no key set.
  package var tokenKeyPEMs: [String] { tokenKeys.map(\.pem) }

  /// The bundle in the format of SPIFFE Trust Domain and Bundle §4.
  package func spiffeJSON() throws -> [UInt8] {
    let roots = try anchors.map { anchor in
      guard let key = JSONWebKey(anchor) else {
        throw Fault(
          .unsupported, operation: "encode the bundle of \(trustDomain)", reason: "a root has no P-256 key",
          remedy: "use a root of P-256")
      }
      return key
    }
    let keys = tokenKeys.map { JSONWebKey($0.key, use: "jwt-svid", id: $0.id) }
    return try Self.encode(
      JSONWebKeySet(keys: roots + keys, spiffe_sequence: sequence, spiffe_refresh_hint: Self.refreshHint))
  }

  /// The keys of tokens as a plain JSON Web Key Set (RFC 7517 §5), for whoever checks tokens by the common rules.
  package func jwks() throws -> [UInt8] {
    try Self.encode(JSONWebKeySet(keys: tokenKeys.map { JSONWebKey($0.key, use: "sig", id: $0.id) }))
  }

  private static func encode(_ set: JSONWebKeySet) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return Array(try encoder.encode(set)) } catch {
      throw Fault.wrap(error, operation: "encode a bundle", remedy: "report this as a bug")
    }
  }
}
