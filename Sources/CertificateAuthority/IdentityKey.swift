import Crypto
import Faults
import FoundationEssentials
import SwiftASN1
import X509

/// The private key of an identity: P-256. Never printed; whoever needs the bytes asks for them by name.
package struct IdentityKey: Sendable, CustomStringConvertible, CustomReflectable {
  let key: P256.Signing.PrivateKey

  /// A fresh key.
  package init() { key = P256.Signing.PrivateKey() }

  init(_ key: P256.Signing.PrivateKey) { self.key = key }

  /// - Throws: `Fault(.invalid)`, without a word of the key, unless `pem` is one PKCS #8 or SEC 1 key of P-256.
  package init(pem: String) throws {
    do {
      key = try P256.Signing.PrivateKey(pemRepresentation: pem)
    } catch {
      throw Fault(
        .invalid, operation: "read a private key", reason: "it is not one P-256 key in PEM",
        remedy: "give a PKCS #8 file as openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 writes it")
    }
  }

  package var publicKey: SubjectKey { SubjectKey(key.publicKey) }
  /// PKCS #8, secret.
  package var secretPEM: String { key.pemRepresentation + "\n" }
  /// PKCS #8, secret.
  package var secretDER: [UInt8] { Array(key.derRepresentation) }

  /// A request for a certificate (PKCS #10, RFC 2986) that shows possession of the key and asks for nothing: whose key
  /// it is, the authority learns from who sent it.
  package func certificateRequest() throws -> [UInt8] {
    do {
      let request = try CertificateSigningRequest(
        version: .v1, subject: DistinguishedName(), privateKey: Certificate.PrivateKey(key),
        attributes: CertificateSigningRequest.Attributes(), signatureAlgorithm: .ecdsaWithSHA256)
      var serializer = DER.Serializer()
      try serializer.serialize(request)
      return serializer.serializedBytes
    } catch {
      throw Fault.wrap(error, operation: "make a certificate request", remedy: "report this as a bug")
    }
  }

  package var description: String { "a private key" }
  /// Keeps the key out of `dump` and of failed expectations.
  package var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }
}
