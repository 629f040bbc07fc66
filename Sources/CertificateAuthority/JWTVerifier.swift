import AgentModel
import Crypto
import FoundationEssentials

/// Checks JWT-SVIDs (JWT-SVID §7) against the keys of a bundle. A refusal is a value: it is an answer, not a failure.
package struct JWTVerifier: Sendable {
  private let trustDomain: TrustDomain
  private let keys: [String: P256.Signing.PublicKey]
  /// Longest token that is looked at, in bytes.
  private static let byteLimit = 32 * 1024
  /// How far the issuer's clock may run ahead of ours.
  private static let leeway: TimeInterval = 60

  package init(_ bundle: TrustBundle) {
    trustDomain = bundle.trustDomain
    keys = Dictionary(bundle.tokenKeys.map { ($0.id, $0.key) }, uniquingKeysWith: { first, _ in first })
  }

  package enum Verdict: Sendable, Hashable {
    case accepted(Claims)
    case refused(Refusal)
  }

  /// What a token says that was accepted.
  package struct Claims: Sendable, Hashable {
    package let subject: SPIFFEID
    package let audience: [String]
    /// Seconds since 1970.
    package let expires: Int64
    package let issued: Int64?
  }

  package enum Refusal: Sendable, Hashable, CustomStringConvertible {
    /// It is not three parts of base64url that hold the JSON of a token.
    case malformed(String)
    /// Signed otherwise than by ES256.
    case algorithm
    /// No key of the bundle has its key id.
    case unknownKey
    case signature
    /// The subject is no SPIFFE id.
    case subject
    case wrongTrustDomain
    case wrongAudience
    case expired
    /// Issued in the future.
    case notYetValid

    package var description: String {
      switch self {
      case .malformed(let reason): reason
      case .algorithm: "the token is not signed by ES256"
      case .unknownKey: "the token's key is not in the bundle"
      case .signature: "the token's signature is wrong"
      case .subject: "the token's subject is no SPIFFE id"
      case .wrongTrustDomain: "the token is of another trust domain"
      case .wrongAudience: "the token is for another audience"
      case .expired: "the token has expired"
      case .notYetValid: "the token is of the future"
      }
    }
  }

  /// - Parameter audience: the name of the service that was shown the token.
  package func verify(_ token: String, audience: String, at time: Date) -> Verdict {
    guard token.utf8.count <= Self.byteLimit else { return .refused(.malformed("the token is too long")) }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return .refused(.malformed("the token is not three parts")) }
    guard let header = Self.decode(TokenHeader.self, from: parts[0]), header.crit == nil,
      header.typ == nil || header.typ == "JWT" || header.typ == "JOSE"
    else { return .refused(.malformed("the token's header is not understood")) }
    guard header.alg == "ES256" else { return .refused(.algorithm) }
    guard let key = header.kid.flatMap({ keys[$0] }) else { return .refused(.unknownKey) }
    let signed = token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count)
    guard let bytes = Base64URL.decode(parts[2]),
      let signature = try? P256.Signing.ECDSASignature(rawRepresentation: bytes),
      key.isValidSignature(signature, for: Data(signed))
    else { return .refused(.signature) }
    guard let claims = Self.decode(TokenClaims.self, from: parts[1]) else {
      return .refused(.malformed("the token's claims are not understood"))
    }
    guard let subject = SPIFFEID(claims.sub) else { return .refused(.subject) }
    guard subject.trustDomain == trustDomain else { return .refused(.wrongTrustDomain) }
    guard claims.aud.values.contains(audience) else { return .refused(.wrongAudience) }
    let now = time.timeIntervalSince1970
    guard now < TimeInterval(claims.exp) else { return .refused(.expired) }
    if let issued = claims.iat, TimeInterval(issued) > now + Self.leeway { return .refused(.notYetValid) }
    return .accepted(
      Claims(subject: subject, audience: claims.aud.values, expires: claims.exp, issued: claims.iat))
  }

  private static func decode<Value: Decodable>(_: Value.Type, from part: Substring) -> Value? {
    guard let bytes = Base64URL.decode(part) else { return nil }
    // Why it does not decode is nothing to tell whoever made it.
    return try? JSONDecoder().decode(Value.self, from: Data(bytes))
  }
}
