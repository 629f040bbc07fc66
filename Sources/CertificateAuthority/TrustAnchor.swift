import Faults
import FoundationEssentials
import SwiftASN1
import X509

/// A root certificate that is trusted.
package struct TrustAnchor: Hashable, Sendable, CustomStringConvertible {
  package let der: [UInt8]
  let certificate: Certificate

  /// - Throws: `Fault(.invalid)` unless it is one self-signed certificate of an authority.
  package init(der: [UInt8]) throws {
    func invalid(_ reason: String) -> Fault {
      Fault(
        .invalid, operation: "read a root certificate", reason: reason,
        remedy: "give the self-signed certificate of the root, in DER")
    }
    let certificate: Certificate
    do { certificate = try Certificate(derEncoded: der) } catch { throw invalid("it is no X.509 certificate in DER") }
    guard certificate.version == .v3 else { throw invalid("it is not of version 3") }
    guard case .isCertificateAuthority? = try? certificate.extensions.basicConstraints,
      (try? certificate.extensions.keyUsage)?.keyCertSign == true
    else { throw invalid("it may not sign certificates") }
    guard certificate.issuer == certificate.subject,
      certificate.publicKey.isValidSignature(certificate.signature, for: certificate)
    else { throw invalid("it is not signed by itself") }
    self.init(der: der, certificate: certificate)
  }

  /// - Throws: `Fault(.invalid)` unless it is one self-signed certificate of an authority, PEM.
  package init(pem: String) throws { try self.init(der: try CertificateText.der(pem)) }

  init(der: [UInt8], certificate: Certificate) {
    self.der = der
    self.certificate = certificate
  }

  package var notAfter: Date { certificate.notValidAfter }
  package var pem: String { PEM.certificate(der) }

  /// Whether its subject alternative names hold this URI.
  package func isNamed(_ uri: String) -> Bool {
    // A certificate whose names cannot be read has none.
    let names = (try? certificate.extensions.subjectAlternativeNames) ?? nil
    return names?.contains(.uniformResourceIdentifier(uri)) == true
  }
  package var description: String { "root \(certificate.serialNumber.hexadecimal), until \(notAfter.ISO8601Format())" }

  /// What its certificates name as their issuer's key.
  var keyIdentifier: [UInt8]? {
    // An extension that does not parse identifies nothing.
    (try? certificate.extensions.subjectKeyIdentifier).map { Array($0.keyIdentifier) }
  }

  package static func == (left: TrustAnchor, right: TrustAnchor) -> Bool { left.der == right.der }
  package func hash(into hasher: inout Hasher) { hasher.combine(der) }
}
