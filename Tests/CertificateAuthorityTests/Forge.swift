import AgentModel
import CertificateAuthority
import Crypto
import Foundation
import SwiftASN1
import X509

/// Makes certificates that the authority never would, under a root that the verifier trusts.
struct Forge {
  let rootKey = P256.Signing.PrivateKey()
  let intermediateKey = P256.Signing.PrivateKey()
  let root: Certificate
  let intermediate: Certificate
  let bundle: TrustBundle

  /// What a certificate is to say; the defaults are those of a good SVID.
  struct Wish {
    var version = Certificate.Version.v3
    var notBefore = AuthorityFixture.now - 60
    var notAfter = AuthorityFixture.now + 3600
    var subject = DistinguishedName()
    var constraints: BasicConstraints? = .notCertificateAuthority
    var usage: KeyUsage? = KeyUsage(digitalSignature: true)
    var extendedUsage: [ExtendedKeyUsage.Usage]? = [.serverAuth, .clientAuth]
    var names: [GeneralName] = [.uniformResourceIdentifier("spiffe://lobstack.local/ns/acme/agent/support-bot")]
    var extra: [Certificate.Extension] = []
  }

  /// - Parameters:
  ///   - root: changes to the root's wish; likewise for the intermediate.
  init(root changeRoot: (inout Wish) -> Void = { _ in }, intermediate change: (inout Wish) -> Void = { _ in }) throws {
    var rootWish = Self.authorityWish(name: "root", pathLength: 1)
    changeRoot(&rootWish)
    root = try Self.make(
      rootWish, key: rootKey.publicKey, issuer: rootWish.subject, signer: rootKey)
    var wish = Self.authorityWish(name: "intermediate", pathLength: 0)
    change(&wish)
    intermediate = try Self.make(wish, key: intermediateKey.publicKey, issuer: root.subject, signer: rootKey)
    bundle = TrustBundle(trustDomain: .default, anchors: [try TrustAnchor(der: Self.der(root))])
  }

  static func authorityWish(name: String, pathLength: Int?) -> Wish {
    var wish = Wish()
    // The builder throws for an empty text only.
    wish.subject = (try? DistinguishedName { CommonName("forged \(name)") }) ?? DistinguishedName()
    wish.constraints = .isCertificateAuthority(maxPathLength: pathLength)
    wish.usage = KeyUsage(keyCertSign: true)
    wish.extendedUsage = nil
    wish.names = []
    return wish
  }

  /// A leaf under the intermediate, with its chain.
  func chain(_ change: (inout Wish) -> Void = { _ in }) throws -> [[UInt8]] {
    var wish = Wish()
    change(&wish)
    let leaf = try Self.make(
      wish, key: P256.Signing.PrivateKey().publicKey, issuer: intermediate.subject, signer: intermediateKey)
    return try [Self.der(leaf), Self.der(intermediate)]
  }

  static func make(
    _ wish: Wish, key: P256.Signing.PublicKey, issuer: DistinguishedName, signer: P256.Signing.PrivateKey
  ) throws -> Certificate {
    var extensions: [Certificate.Extension] = []
    if let constraints = wish.constraints { extensions.append(try .init(constraints, critical: true)) }
    if let usage = wish.usage { extensions.append(try .init(usage, critical: true)) }
    if let uses = wish.extendedUsage { extensions.append(try .init(try ExtendedKeyUsage(uses), critical: false)) }
    if !wish.names.isEmpty { extensions.append(try .init(SubjectAlternativeNames(wish.names), critical: true)) }
    return try Certificate(
      version: wish.version, serialNumber: Certificate.SerialNumber(), publicKey: .init(key),
      notValidBefore: wish.notBefore, notValidAfter: wish.notAfter, issuer: issuer, subject: wish.subject,
      signatureAlgorithm: .ecdsaWithSHA256, extensions: Certificate.Extensions(extensions + wish.extra),
      issuerPrivateKey: .init(signer))
  }

  static func der(_ certificate: Certificate) throws -> [UInt8] {
    var serializer = DER.Serializer()
    try serializer.serialize(certificate)
    return serializer.serializedBytes
  }
}
