import AgentModel
import CertificateAuthority
import Crypto
import Faults
import Foundation
import SeededRandom
import SwiftASN1
import Testing
import X509

@Suite("The authority") struct AuthorityTests {
  private let now = AuthorityFixture.now
  private let fixture: AuthorityFixture
  private var authority: Authority { fixture.authority }

  init() throws { fixture = try AuthorityFixture() }

  @Test("issues SVIDs with the profile of X509-SVID") func profile() throws {
    let key = IdentityKey()
    let svid = try authority.issueX509SVID(for: AuthorityFixture.id(), key: key.publicKey, at: now)
    let leaf = try Certificate(derEncoded: svid.certificate.chain.certificates[0])
    #expect(leaf.version == .v3)
    #expect(leaf.subject.isEmpty)
    #expect(leaf.notValidBefore == now - 60)
    #expect(leaf.notValidAfter == now - 60 + 86400)
    #expect(leaf.notValidAfter.timeIntervalSince(leaf.notValidBefore) <= 86400)
    #expect(svid.certificate.validity.notAfter == leaf.notValidAfter)
    #expect(leaf.publicKey.subjectPublicKeyInfoBytes.elementsEqual(try spki(key)))
    #expect((14...17).contains(leaf.serialNumber.bytes.count))
    #expect(try leaf.extensions.basicConstraints == .notCertificateAuthority)
    #expect(try leaf.extensions.keyUsage == KeyUsage(digitalSignature: true))
    #expect(leaf.extensions[oid: .X509ExtensionID.keyUsage]?.critical == true)
    #expect(try leaf.extensions.extendedKeyUsage == ExtendedKeyUsage([.serverAuth, .clientAuth]))
    let names = try #require(try leaf.extensions.subjectAlternativeNames)
    #expect(Array(names) == [.uniformResourceIdentifier(try AuthorityFixture.id().description)])
    #expect(leaf.extensions[oid: .X509ExtensionID.subjectAlternativeName]?.critical == true)
    let issuer = try Certificate(derEncoded: svid.certificate.chain.certificates[1])
    #expect(
      try leaf.extensions.authorityKeyIdentifier?.keyIdentifier == issuer.extensions.subjectKeyIdentifier?.keyIdentifier
    )
    #expect(try leaf.extensions.subjectKeyIdentifier != nil)
    #expect(svid.certificate.chain.certificates.count == 2)
  }

  /// The bits of the public key, as SubjectPublicKeyInfo has them.
  private func spki(_ key: IdentityKey) throws -> some Sequence<UInt8> {
    try P256.Signing.PublicKey(derRepresentation: key.publicKey.der).x963Representation
  }

  @Test("issues intermediates that can sign leaves only") func intermediate() throws {
    let intermediate = try Certificate(derEncoded: fixture.chain()[1])
    #expect(try intermediate.extensions.basicConstraints == .isCertificateAuthority(maxPathLength: 0))
    #expect(try intermediate.extensions.keyUsage == KeyUsage(keyCertSign: true, cRLSign: true))
    #expect(intermediate.notValidAfter.timeIntervalSince(now) == 200 * 86400)
  }

  @Test("gives every certificate a serial number of its own") func serials() throws {
    let key = IdentityKey().publicKey
    let serials = try (0..<500).map { _ in
      try authority.issueX509SVID(for: AuthorityFixture.id(), key: key, at: now).certificate.serial
    }
    #expect(Set(serials).count == 500)
  }

  @Test("issues nothing for another trust domain") func otherDomain() throws {
    for text in ["spiffe://evil.example/ns/a", "spiffe://lobstack.local.evil/ns/a", "spiffe://lobstack/ns/a"] {
      let id = try AuthorityFixture.id(text)
      let fault = try #require(throws: Fault.self) {
        try authority.issueX509SVID(for: id, key: IdentityKey().publicKey, at: now)
      }
      #expect(fault.code == .denied)
      #expect(throws: Fault.self) { try authority.issueJWTSVID(for: id, audience: ["a"], at: now) }
    }
  }

  @Test("cuts every life to its limit", arguments: [1, 10, 3600, 86400, 86401, 1_000_000]) func lives(seconds: Int)
    throws
  {
    let svid = try authority.issueX509SVID(
      for: AuthorityFixture.id(), key: IdentityKey().publicKey, at: now + 0.7, life: .seconds(seconds))
    let validity = svid.certificate.validity
    #expect(validity.issued == now)
    #expect(validity.notAfter.timeIntervalSince(validity.notBefore) <= 86400)
    #expect(validity.notAfter == now + min(TimeInterval(seconds), 86400 - 60))
    let wide = Authority.Limits(svid: .seconds(1 << 40), server: .seconds(1 << 40), token: .seconds(1 << 40))
    #expect(wide == Authority.Limits())
  }

  @Test("issues nothing that outlives its intermediate, and nothing after it") func outlived() throws {
    let end = try #require(authority.intermediateValidity).notAfter
    let svid = try authority.issueX509SVID(for: AuthorityFixture.id(), key: IdentityKey().publicKey, at: end - 10)
    #expect(svid.certificate.validity.notAfter == end)
    let fault = try #require(throws: Fault.self) {
      try authority.issueX509SVID(for: AuthorityFixture.id(), key: IdentityKey().publicKey, at: end + 1)
    }
    #expect(fault.code == .unavailable)
    let fresh = Authority(trustDomain: .default, at: now)
    #expect(throws: Fault.self) {
      try fresh.issueX509SVID(for: AuthorityFixture.id(), key: IdentityKey().publicKey, at: now)
    }
  }

  @Test("takes up an intermediate only from a trusted root, with its own key") func adoption() throws {
    let other = try AuthorityFixture()
    let pending = PendingIntermediate()
    let request = try pending.certificateRequest()
    let foreign = try other.root.signIntermediate(request, at: now)
    let own = try fixture.root.signIntermediate(request, at: now)
    for (key, certificate) in [
      (pending, foreign), (PendingIntermediate(), own), (pending, fixture.root.anchor.der),
      (pending, try fixture.chain()[0]),
      (pending, []), (pending, Array(own.dropLast())),
    ] {
      #expect(throws: Fault.self) { try authority.adopt(key, certificate: certificate, at: now) }
    }
    #expect(throws: Fault.self) { try authority.adopt(pending, certificate: own, at: now + 201 * 86400) }
    try authority.adopt(pending, certificate: own, at: now)
  }

  @Test("issues certificates for servers by name and address") func servers() throws {
    let names = try ["lobstack.example.org", "localhost", "127.0.0.1", "::1"].map { try #require(ServerName($0)) }
    let key = IdentityKey()
    let certificate = try authority.issueServerCertificate(for: names, key: key.publicKey, at: now)
    let leaf = try Certificate(derEncoded: certificate.chain.certificates[0])
    let alternatives = try #require(try leaf.extensions.subjectAlternativeNames)
    #expect(
      Array(alternatives) == [
        .dnsName("lobstack.example.org"), .dnsName("localhost"),
        .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
        .ipAddress(ASN1OctetString(contentBytes: ArraySlice([UInt8](repeating: 0, count: 15) + [1]))),
      ])
    #expect(try leaf.extensions.extendedKeyUsage == ExtendedKeyUsage([.serverAuth]))
    #expect(leaf.notValidAfter <= now + 90 * 86400)
    #expect(throws: Fault.self) { try authority.issueServerCertificate(for: [], key: key.publicKey, at: now) }
  }

  @Test(
    "knows no server by a name that is none",
    arguments: [
      "", ".", "a.", "*.example.org", "Example.org", "a b", "-a", "a-", "a..b", "1.2.3", "1.2.3.4.5", "256.1.1.1",
      "a_b",
      "1.2.3.4\u{0}", "ü.de", "[::1]", "::1%lo", "127.0.0.1:80", String(repeating: "a.", count: 127) + "b",
    ]) func badNames(text: String)
  {
    #expect(ServerName(text) == nil)
  }

  @Test("reads a key from a request only when the sender holds it") func requests() throws {
    let key = IdentityKey()
    let request = try key.certificateRequest()
    #expect(try SubjectKey(certificateRequest: request) == key.publicKey)
    #expect(try SubjectKey(publicKeyInfo: key.publicKey.der) == key.publicKey)
    var random = SplitMix64(seed: 1)
    for place in request.indices {
      var changed = request
      changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      #expect(throws: Fault.self) { try SubjectKey(certificateRequest: changed) }
      #expect(throws: Fault.self) { try SubjectKey(certificateRequest: Array(request.prefix(place))) }
    }
    let large = P384.Signing.PrivateKey()
    let other = try CertificateSigningRequest(
      version: .v1, subject: DistinguishedName(), privateKey: .init(large), attributes: .init(),
      signatureAlgorithm: .ecdsaWithSHA384)
    var serializer = DER.Serializer()
    try serializer.serialize(other)
    #expect(throws: Fault.self) { try SubjectKey(certificateRequest: serializer.serializedBytes) }
    #expect(throws: Fault.self) { try SubjectKey(publicKeyInfo: Array(large.publicKey.derRepresentation)) }
    #expect(throws: Fault.self) { try SubjectKey(publicKeyInfo: [UInt8](repeating: 0, count: 10_000)) }
    #expect(throws: Fault.self) { try SubjectKey(certificateRequest: key.publicKey.der) }
  }

  @Test("gives a request no say in what is issued") func greedyRequest() async throws {
    let key = P256.Signing.PrivateKey()
    let wanted = try Certificate.Extensions {
      BasicConstraints.isCertificateAuthority(maxPathLength: nil)
      SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://lobstack.local/ns/system/gateway")])
    }
    let request = try CertificateSigningRequest(
      version: .v1, subject: DistinguishedName { CommonName("gateway") }, privateKey: .init(key),
      attributes: .init([.init(ExtensionRequest(extensions: wanted))]), signatureAlgorithm: .ecdsaWithSHA256)
    var serializer = DER.Serializer()
    try serializer.serialize(request)
    let svid = try authority.issueX509SVID(
      for: AuthorityFixture.id(), key: SubjectKey(certificateRequest: serializer.serializedBytes), at: now)
    #expect(
      await PeerVerifier(authority.bundle).verify(chain: svid.certificate.chain.certificates, at: now)
        == .accepted(try AuthorityFixture.id()))
  }

  @Test("shows no secret, however it is printed") func secrets() throws {
    let key = IdentityKey()
    let token = try authority.issueJWTSVID(for: AuthorityFixture.id(), audience: ["a"], at: now)
    var shown = "\(key) \(String(reflecting: key)) \(token) \(String(reflecting: token)) \(PendingIntermediate())"
    dump(key, to: &shown)
    dump(token, to: &shown)
    for line in key.secretPEM.split(separator: "\n") where !line.hasPrefix("-") { #expect(!shown.contains(line)) }
    #expect(!shown.contains(token.secretToken.suffix(40)))
    #expect(try IdentityKey(pem: key.secretPEM).publicKey == key.publicKey)
    let fault = try #require(throws: Fault.self) { try IdentityKey(pem: key.secretPEM.dropLast(60) + "x") }
    for line in key.secretPEM.split(separator: "\n") where !line.hasPrefix("-") {
      #expect(!fault.description.contains(line))
    }
  }
}
