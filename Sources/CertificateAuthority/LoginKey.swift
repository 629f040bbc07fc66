import AgentModel
import Crypto
import Faults
import FoundationEssentials

/// A key of its own by which one party says who it is before there is an authority, and when there is none: the control
/// plane and root to the secrets manager. P-256.
package struct LoginKey: Sendable, CustomStringConvertible, CustomReflectable {
  private let key: TokenKey

  /// Makes a key.
  package init() { key = TokenKey() }

  /// - Parameter pem: PKCS #8 or SEC 1.
  /// - Throws: `Fault(.invalid)` for anything else, naming `source`.
  package init(pem: String, source: String) throws {
    do { key = TokenKey(try P256.Signing.PrivateKey(pemRepresentation: pem)) } catch {
      // What the parser says could quote the key.
      throw Fault(
        .invalid, operation: "read \(source)", reason: "it is not one P-256 private key in PEM",
        remedy: "restore the file from a backup")
    }
  }

  /// SubjectPublicKeyInfo, PEM.
  package var publicPEM: String { key.publicKey.pem }
  /// PKCS #8, secret.
  package var secretPEM: String { key.secretPEM }

  /// A token that is good for 30 seconds.
  package func token(
    for service: SPIFFEID.Service, in domain: TrustDomain, audience: String, at time: Date
  ) throws -> JWTSVID {
    try JWTSVID(
      for: .service(service, in: domain), audience: [audience], at: time, life: .seconds(30), signer: key)
  }

  package var description: String { "login \(key)" }
  package var customMirror: Mirror { Mirror(self, children: ["key": key.publicKey.id]) }
}
