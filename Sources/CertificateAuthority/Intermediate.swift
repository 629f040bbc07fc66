import Crypto
import Faults
import FoundationEssentials
import SwiftASN1
import X509

/// The key of an intermediate authority before a root has signed it. It never leaves memory.
package struct PendingIntermediate: Sendable, CustomStringConvertible {
  let key = IdentityKey()

  package init() {}

  /// What the root signs: PKCS #10 in DER.
  package func certificateRequest() throws -> [UInt8] { try key.certificateRequest() }

  package var description: String { "an intermediate authority that is not signed yet" }
}

/// An authority that signs identities, with the root above it.
struct Intermediate: Sendable, CustomStringConvertible, CustomReflectable {
  let der: [UInt8]
  let certificate: Certificate
  let anchor: TrustAnchor
  let validity: Validity
  let signer: Certificate.PrivateKey
  /// The same key, for what is no certificate.
  let key: P256.Signing.PrivateKey
  /// What the certificates that it signs name as their issuer's key.
  let keyIdentifier: [UInt8]

  /// Joins the key with its certificate, whoever signed it.
  ///
  /// - Throws: `Fault(.invalid)` unless the certificate is of this key, valid at `time`, allowed to sign leaves and no
  ///   authority, and signed by one of `anchors` that is valid too.
  init(_ pending: PendingIntermediate, certificate der: [UInt8], anchors: [TrustAnchor], at time: Date) throws {
    func invalid(_ reason: String) -> Fault {
      Fault(
        .invalid, operation: "take up an intermediate authority", reason: reason,
        remedy: "have its request signed again, by a trusted root, with path length 0")
    }
    let certificate: Certificate
    do { certificate = try Certificate(derEncoded: der) } catch { throw invalid("it is no X.509 certificate in DER") }
    guard certificate.publicKey == Certificate.PublicKey(pending.key.key.publicKey) else {
      throw invalid("the certificate is of another key")
    }
    guard case .isCertificateAuthority(maxPathLength: 0)? = try? certificate.extensions.basicConstraints else {
      throw invalid("it is no authority of path length 0")
    }
    guard let usage = try? certificate.extensions.keyUsage, usage.keyCertSign else {
      throw invalid("its key usage does not allow it to sign certificates")
    }
    guard let identifier = (try? certificate.extensions.subjectKeyIdentifier)?.keyIdentifier else {
      throw invalid("it has no subject key identifier")
    }
    guard certificate.notValidBefore <= time, time < certificate.notValidAfter else {
      throw invalid(
        "it is valid from \(certificate.notValidBefore.ISO8601Format()) to \(certificate.notValidAfter.ISO8601Format())"
      )
    }
    let issuer = anchors.first {
      $0.certificate.subject == certificate.issuer && time < $0.notAfter
        && $0.certificate.publicKey.isValidSignature(certificate.signature, for: certificate)
    }
    guard let issuer else { throw invalid("no trusted root has signed it") }
    self.der = der
    self.certificate = certificate
    anchor = issuer
    validity = Validity(
      issued: time.wholeSeconds, notBefore: certificate.notValidBefore,
      notAfter: min(certificate.notValidAfter, issuer.notAfter))
    signer = Certificate.PrivateKey(pending.key.key)
    key = pending.key.key
    keyIdentifier = Array(identifier)
  }

  var description: String { "intermediate \(certificate.serialNumber.hexadecimal), \(validity)" }
  /// Keeps the key out of `dump` and of failed expectations.
  var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
