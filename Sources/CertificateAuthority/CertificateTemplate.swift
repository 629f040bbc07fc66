import AgentModel
import Crypto
import FoundationEssentials
import SwiftASN1
import TextEncodings
import X509

/// What a certificate says, by kind. Everything that this room signs is made here.
struct CertificateTemplate {
  private let subject: DistinguishedName
  private let extensions: Certificate.Extensions

  /// Self-signed, may sign one level of authorities below it.
  static func root(_ key: SubjectKey, of domain: TrustDomain) throws -> CertificateTemplate {
    try authority(key, domain: domain, role: "root", pathLength: 1, issuer: key.identifier)
  }

  /// Signs identities, and no authority.
  static func intermediate(_ key: SubjectKey, of domain: TrustDomain, issuer: [UInt8]) throws -> CertificateTemplate {
    try authority(key, domain: domain, role: "intermediate", pathLength: 0, issuer: issuer)
  }

  /// X509-SVID §4: one URI, no other name, both uses of TLS. The subject is empty, so the names are critical
  /// (RFC 5280 §4.2.1.6).
  static func svid(_ key: SubjectKey, id: SPIFFEID, issuer: [UInt8]) throws -> CertificateTemplate {
    try CertificateTemplate(
      subject: DistinguishedName(),
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth, .clientAuth])
        AuthorityKeyIdentifier(keyIdentifier: issuer[...])
        SubjectKeyIdentifier(keyIdentifier: key.identifier[...])
        Critical(SubjectAlternativeNames([.uniformResourceIdentifier(id.description)]))
      })
  }

  /// A server that is known by DNS names and addresses. It has no URI, so no verifier takes it for an identity.
  ///
  /// - Parameter revocations: where its issuer's revocation list is.
  static func server(
    _ key: SubjectKey, names: [ServerName], revocations: String?, issuer: [UInt8]
  ) throws -> CertificateTemplate {
    try CertificateTemplate(
      subject: DistinguishedName(),
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth])
        AuthorityKeyIdentifier(keyIdentifier: issuer[...])
        SubjectKeyIdentifier(keyIdentifier: key.identifier[...])
        Critical(SubjectAlternativeNames(names.map(\.generalName)))
        if let revocations { RevocationPoint(uri: revocations) }
      })
  }

  /// Self-signed, may sign servers and no authority. It has no URI: it vouches for no identity.
  static func standaloneIssuer(_ key: SubjectKey, name: String) throws -> CertificateTemplate {
    try CertificateTemplate(
      subject: DistinguishedName {
        OrganizationName("Lobstack")
        CommonName(name)
      },
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true))
        SubjectKeyIdentifier(keyIdentifier: key.identifier[...])
      })
  }

  /// X509-SVID §4.1: an authority's id is its trust domain, without a path. Its name holds the key's identifier, so that
  /// two roots of one domain are two issuers.
  private static func authority(
    _ key: SubjectKey, domain: TrustDomain, role: String, pathLength: Int, issuer: [UInt8]
  ) throws -> CertificateTemplate {
    try CertificateTemplate(
      subject: DistinguishedName {
        OrganizationName("Lobstack")
        CommonName("Lobstack \(role) \(Hexadecimal.encode(key.identifier.prefix(8)))")
      },
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: pathLength))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        AuthorityKeyIdentifier(keyIdentifier: issuer[...])
        SubjectKeyIdentifier(keyIdentifier: key.identifier[...])
        SubjectAlternativeNames([.uniformResourceIdentifier(TrustBundle.id(of: domain))])
      })
  }

  /// - Parameter issuer: the issuer's name; `nil` for a certificate that signs itself.
  func signed(
    key: SubjectKey, validity: Validity, issuer: DistinguishedName?, signer: Certificate.PrivateKey
  ) throws -> (certificate: Certificate, der: [UInt8]) {
    var random = SystemRandomNumberGenerator()
    let certificate = try Certificate(
      version: .v3, serialNumber: .random(using: &random), publicKey: Certificate.PublicKey(key.key),
      notValidBefore: validity.notBefore, notValidAfter: validity.notAfter, issuer: issuer ?? subject,
      subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: signer)
    var serializer = DER.Serializer()
    try serializer.serialize(certificate)
    return (certificate, serializer.serializedBytes)
  }
}

extension Certificate.SerialNumber {
  /// 128 random bits.
  static func random(using generator: inout SystemRandomNumberGenerator) -> Certificate.SerialNumber {
    let bytes = (0..<2).flatMap { _ in withUnsafeBytes(of: generator.next() as UInt64) { Array($0) } }
    return Certificate.SerialNumber(bytes: bytes)
  }

  var hexadecimal: String { Hexadecimal.encode(bytes) }
}
