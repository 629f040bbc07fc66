import AgentModel
import CertificateAuthority
import ChildProcess
import Foundation
import Testing

/// OpenSSL is another reading of the same standards.
@Suite("What the authority issues, OpenSSL", .enabled(if: Command.locate("openssl") != nil, "openssl is not installed"))
struct OpenSSLTests {
  private let fixture: AuthorityFixture
  private let roots: String

  init() throws {
    fixture = try AuthorityFixture()
    roots = try fixture.directory.write(fixture.authority.bundle.pem, to: "roots.pem")
  }

  private func verify(_ certificate: IssuedCertificate, arguments: [String] = []) async throws -> String {
    let pem = certificate.chain.pem
    let file = try fixture.directory.write(pem, to: "leaf.pem")
    return try await Command(
      "openssl",
      [
        "verify", "-x509_strict", "-check_ss_sig", "-no-CApath", "-no-CAstore", "-attime", "1800000000", "-CAfile",
        roots,
        "-untrusted", file,
      ] + arguments + [file]
    ).check()
  }

  @Test("accepts as an SVID for both sides of TLS", arguments: ["sslclient", "sslserver"]) func svid(
    purpose: String
  ) async throws {
    let svid = try fixture.authority.issueX509SVID(
      for: AuthorityFixture.id(), key: IdentityKey().publicKey, at: AuthorityFixture.now)
    #expect(try await verify(svid.certificate, arguments: ["-purpose", purpose]).hasSuffix("OK\n"))
    let text = try await Command(
      "openssl", ["x509", "-in", "\(fixture.directory.path)/leaf.pem", "-noout", "-ext", "subjectAltName"]
    ).check()
    #expect(text.contains("critical\n    URI:spiffe://lobstack.local/ns/acme/agent/support-bot\n"))
  }

  @Test("accepts for a server's names and addresses") func server() async throws {
    let names = try ["gateway.example.org", "127.0.0.1"].map { try #require(ServerName($0)) }
    let certificate = try fixture.authority.issueServerCertificate(
      for: names, key: IdentityKey().publicKey, at: AuthorityFixture.now)
    for check in [["-verify_hostname", "gateway.example.org"], ["-verify_ip", "127.0.0.1"]] {
      #expect(try await verify(certificate, arguments: ["-purpose", "sslserver"] + check).hasSuffix("OK\n"))
    }
    await #expect(throws: (any Error).self) {
      try await verify(certificate, arguments: ["-verify_hostname", "other.example.org"])
    }
  }

  @Test("accepts under both roots while they change") func rotation() async throws {
    let before = try fixture.authority.issueX509SVID(
      for: AuthorityFixture.id(), key: IdentityKey().publicKey, at: AuthorityFixture.now)
    let directory = try ScratchDirectory()
    let successor = try RootAuthority.open(in: directory.path, for: .default, at: AuthorityFixture.now)
    try fixture.authority.trust(successor.anchor, at: AuthorityFixture.now)
    try AuthorityFixture.renew(fixture.authority, by: successor, at: AuthorityFixture.now)
    let after = try fixture.authority.issueX509SVID(
      for: AuthorityFixture.id(), key: IdentityKey().publicKey, at: AuthorityFixture.now)
    await #expect(throws: (any Error).self) { try await verify(after.certificate) }
    _ = try fixture.directory.write(fixture.authority.bundle.pem, to: "roots.pem")
    #expect(try await verify(before.certificate).hasSuffix("OK\n"))
    #expect(try await verify(after.certificate).hasSuffix("OK\n"))
  }

  @Test("makes requests for that are as good as our own") func requests() async throws {
    let key = "\(fixture.directory.path)/agent.key"
    let request = "\(fixture.directory.path)/agent.csr"
    try await Command(
      "openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key]
    ).check()
    try await Command(
      "openssl", ["req", "-new", "-key", key, "-subj", "/CN=x", "-outform", "DER", "-out", request]
    ).check()
    let subject = try SubjectKey(certificateRequest: Array(try Data(contentsOf: URL(filePath: request))))
    let own = try IdentityKey(pem: String(contentsOfFile: key, encoding: .utf8))
    #expect(subject == own.publicKey)
    let ours = "\(fixture.directory.path)/ours.csr"
    try Data(own.certificateRequest()).write(to: URL(filePath: ours))
    let text = try await Command(
      "openssl", ["req", "-in", ours, "-inform", "DER", "-verify", "-noout", "-text"]
    ).check()
    #expect(text.contains("prime256v1"))
  }
}
