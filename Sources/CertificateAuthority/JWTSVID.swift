import AgentModel
import Crypto
import Faults
import FoundationEssentials

/// A JWT-SVID: a signed token that says who its bearer is, to whom, for at most a minute. A secret while it is valid.
package struct JWTSVID: Sendable, CustomStringConvertible, CustomReflectable {
  package let id: SPIFFEID
  package let expires: Date
  /// The compact form (RFC 7515 §3.1), secret.
  package let secretToken: String
  private static let mostAudiences = 16
  private static let longestAudience = 1024

  init(for id: SPIFFEID, audience: [String], at time: Date, life: Duration, signer: TokenKey) throws {
    let isAllowed = { (name: String) in !name.isEmpty && name.utf8.count <= Self.longestAudience }
    guard (1...Self.mostAudiences).contains(audience.count), audience.allSatisfy(isAllowed) else {
      throw Fault(
        .invalid, operation: "issue a JWT-SVID for \(id)", reason: "its audience is empty, or too long",
        remedy: "name 1 to \(Self.mostAudiences) audiences of 1 to \(Self.longestAudience) bytes")
    }
    let issued = time.wholeSeconds
    self.id = id
    expires = (issued + life.seconds).wholeSeconds
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let header = try encoder.encode(TokenHeader(alg: "ES256", kid: signer.publicKey.id, typ: "JWT"))
      let claims = try encoder.encode(
        TokenClaims(
          sub: id.description, aud: TokenClaims.Audience(values: audience),
          exp: Int64(expires.timeIntervalSince1970), iat: Int64(issued.timeIntervalSince1970)))
      let signed = "\(Base64URL.encode(header)).\(Base64URL.encode(claims))"
      secretToken = "\(signed).\(Base64URL.encode(try signer.signature(of: Data(signed.utf8))))"
    } catch {
      throw Fault.wrap(error, operation: "issue a JWT-SVID for \(id)", remedy: "report this as a bug")
    }
  }

  package var description: String { "JWT-SVID of \(id) until \(expires.ISO8601Format())" }
  /// Keeps the token out of `dump` and of failed expectations.
  package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}

struct TokenHeader: Codable {
  var alg: String
  var kid: String?
  var typ: String?
  /// Names of extensions that a verifier must understand; we understand none.
  var crit: [String]?
}

struct TokenClaims: Codable {
  var sub: String
  var aud: Audience
  var exp: Int64
  var iat: Int64?

  /// One text, or a list of them (RFC 7519 §4.1.3).
  struct Audience: Codable {
    var values: [String]

    init(values: [String]) { self.values = values }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let single = try? container.decode(String.self) {
        // Not a text: then it must be a list, and that error is the one to tell.
        values = [single]
      } else {
        values = try container.decode([String].self)
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(values)
    }
  }
}
