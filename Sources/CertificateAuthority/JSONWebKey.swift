import Crypto
import FoundationEssentials
import X509

/// A set of keys (RFC 7517 §5), with the members that SPIFFE adds.
struct JSONWebKeySet: Encodable {
  var keys: [JSONWebKey]
  var spiffe_sequence: UInt64?
  var spiffe_refresh_hint: Int?
}

/// A public key of P-256 (RFC 7518 §6.2.1).
struct JSONWebKey: Encodable {
  var kty = "EC"
  var crv = "P-256"
  var use: String
  var x: String
  var y: String
  var kid: String?
  var alg: String?
  /// The certificate in base64 DER, standard alphabet.
  var x5c: [String]?

  /// A key of tokens.
  init(_ key: P256.Signing.PublicKey, use: String, id: String) {
    (x, y) = key.coordinates
    self.use = use
    kid = id
    alg = "ES256"
  }

  /// - Returns: `nil` for a root whose key is not of P-256.
  init?(_ anchor: TrustAnchor) {
    guard let key = P256.Signing.PublicKey(anchor.certificate.publicKey) else { return nil }
    (x, y) = key.coordinates
    use = "x509-svid"
    x5c = [Data(anchor.der).base64EncodedString()]
  }
}
