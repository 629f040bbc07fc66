import AgentModel
import Faults
import FoundationEssentials
import SwiftASN1
import X509

/// Certificates in DER, each signed by the next; the root is left out.
package struct CertificateChain: Hashable, Sendable, CustomStringConvertible {
  /// The certificate itself first.
  package let certificates: [[UInt8]]

  package init(_ certificates: [[UInt8]]) { self.certificates = certificates }

  /// For Envoy, openssl and files.
  package var pem: String { certificates.map(PEM.certificate).joined() }
  /// DER one after the other, as the SPIFFE Workload API wants it.
  package var concatenated: [UInt8] { certificates.flatMap { $0 } }
  package var description: String { "\(certificates.count) certificates" }
}

/// A certificate that this room issued.
package struct IssuedCertificate: Hashable, Sendable, CustomStringConvertible {
  package let chain: CertificateChain
  package let validity: Validity
  /// Lower-case hexadecimal.
  package let serial: String

  package var description: String { "certificate \(serial), \(validity)" }
}

/// An X.509-SVID: a certificate for exactly one SPIFFE id.
package struct X509SVID: Hashable, Sendable, CustomStringConvertible {
  package let id: SPIFFEID
  package let certificate: IssuedCertificate

  package var description: String { "\(id): \(certificate)" }
}

/// Textual form of certificates (RFC 7468), 64 characters a line, a newline at the end.
enum PEM {
  static func certificate(_ der: [UInt8]) -> String {
    PEMDocument(type: Certificate.defaultPEMDiscriminator, derBytes: der).pemString + "\n"
  }

  /// The one document that `text` holds.
  ///
  /// - Throws: a description of what is wrong.
  static func single(_ text: String, type: String) throws -> [UInt8] {
    let documents = try PEMDocument.parseMultiple(pemString: text)
    guard documents.count == 1, let document = documents.first else {
      throw ASN1Error.invalidPEMDocument(reason: "it holds \(documents.count) documents instead of 1")
    }
    guard document.discriminator == type else {
      throw ASN1Error.invalidPEMDocument(reason: "it is a \(document.discriminator) instead of a \(type)")
    }
    return document.derBytes
  }
}

/// A certificate as text.
package enum CertificateText {
  /// - Throws: `Fault(.invalid)` unless `pem` holds one certificate.
  package static func der(_ pem: String) throws -> [UInt8] {
    do { return try PEM.single(pem, type: Certificate.defaultPEMDiscriminator) } catch {
      throw Fault(
        .invalid, operation: "read a certificate", reason: "it is not one certificate in PEM",
        remedy: "check who sent it", cause: error)
    }
  }
}
