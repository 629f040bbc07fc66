import AgentModel
import CertificateAuthority
import ChildProcess
import Faults
import Foundation
import SeededRandom
import Testing

@Suite(
  "A revocation list", .enabled(if: Command.locate("openssl") != nil, "openssl is not installed: run scripts/setup"))
struct RevocationTests {
  private let fixture: AuthorityFixture
  private static let point = "https://gateway.example.org:8443/v1/crl"
  private static let now = AuthorityFixture.now

  init() throws { fixture = try AuthorityFixture() }

  private func certificate() throws -> IssuedCertificate {
    try fixture.authority.issueServerCertificate(
      for: [try #require(ServerName("gateway.example.org"))], key: IdentityKey().publicKey, revocations: Self.point,
      at: Self.now)
  }

  /// What openssl says of the certificate with the list as it is at `time`.
  private func verify(_ certificate: IssuedCertificate, at time: Date = now) async throws -> CommandResult {
    let directory = fixture.directory
    let leaf = try directory.write(certificate.chain.pem, to: "leaf.pem")
    let roots = try directory.write(fixture.authority.bundle.pem, to: "roots.pem")
    let list = try await writeList(at: time)
    return try await Command(
      "openssl",
      [
        "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-attime", "\(Int(time.timeIntervalSince1970))",
        "-CAfile", roots, "-untrusted", leaf, "-crl_check", "-CRLfile", list, leaf,
      ]
    ).run()
  }

  /// - Returns: the list's file, PEM.
  private func writeList(at time: Date) async throws -> String {
    let path = "\(fixture.directory.path)/list"
    try Data(fixture.authority.revocationList(at: time).der).write(to: URL(filePath: "\(path).der"))
    try await Command("openssl", ["crl", "-inform", "DER", "-in", "\(path).der", "-out", "\(path).pem"]).check()
    return "\(path).pem"
  }

  private func text(of list: String) async throws -> String {
    let issuer = try fixture.directory.write(
      try certificate().chain.pem.components(separatedBy: "-----END CERTIFICATE-----\n")[1]
        + "-----END CERTIFICATE-----\n", to: "issuer.pem")
    let result = try await Command(
      "openssl", ["crl", "-in", list, "-noout", "-text", "-CAfile", issuer, "-verify"]
    ).run()
    return result.standardOutput + result.standardError
  }

  @Test("is empty until something is revoked, and OpenSSL believes it") func empty() async throws {
    let certificate = try certificate()
    let text = try await text(of: try await writeList(at: Self.now))
    #expect(text.contains("verify OK"))
    #expect(text.contains("Version 2 (0x1)") && text.contains("No Revoked Certificates"))
    #expect(text.contains("X509v3 Authority Key Identifier") && text.contains("X509v3 CRL Number"))
    #expect(text.contains("Last Update: Jan 15 08:00:00 2027 GMT") && text.contains("Next Update: Jan 22"))
    let verdict = try await verify(certificate)
    #expect(verdict.standardOutput.hasSuffix("OK\n"), "\(verdict)")
  }

  @Test("names what was taken back, which is believed no more") func revoked() async throws {
    let (lost, kept) = (try certificate(), try certificate())
    let before = try fixture.authority.revocationList(at: Self.now)
    fixture.authority.revoke(lost, at: Self.now)
    fixture.authority.revoke(lost, at: Self.now)
    let list = try fixture.authority.revocationList(at: Self.now)
    #expect(list.count == 1 && list != before)
    let verdict = try await verify(lost)
    #expect(verdict.standardError.contains("certificate revoked"), "\(verdict)")
    #expect(try await verify(kept).standardOutput.hasSuffix("OK\n"))
    let text = try await text(of: "\(fixture.directory.path)/list.pem")
    #expect(text.contains("verify OK") && text.lowercased().contains(lost.serial))
    // The second list of the same second has a number of its own.
    let number = UInt64(Self.now.timeIntervalSince1970) + 1
    #expect(text.contains("X509v3 CRL Number: \n                \(number)\n"), "\(text)")
  }

  @Test("is where the certificate says") func point() async throws {
    let leaf = try fixture.directory.write(try certificate().chain.pem, to: "leaf.pem")
    let text = try await Command(
      "openssl", ["x509", "-in", leaf, "-noout", "-ext", "crlDistributionPoints"]
    ).check()
    #expect(text.contains("Full Name:\n      URI:\(Self.point)\n"), "\(text)")
  }

  @Test("is the same for a day, and then another") func caching() throws {
    let first = try fixture.authority.revocationList(at: Self.now)
    #expect(try fixture.authority.revocationList(at: Self.now + 86399) == first)
    let second = try fixture.authority.revocationList(at: Self.now + 86400)
    #expect(second.thisUpdate == Self.now + 86400 && second.nextUpdate == Self.now + 8 * 86400)
  }

  @Test("of a new intermediate is the new one's, in which the old one's certificates have no place") func rotation()
    async throws
  {
    let old = try certificate()
    try AuthorityFixture.renew(fixture.authority, by: fixture.root, at: Self.now)
    fixture.authority.revoke(old, at: Self.now)
    #expect(try fixture.authority.revocationList(at: Self.now).count == 0)
    #expect(try await verify(try certificate()).standardOutput.hasSuffix("OK\n"))
  }

  @Test("is dated right on leap days, at the turn of a year and after 2049") func dates() async throws {
    for (seconds, text) in [
      (1_835_438_399.0, "Last Update: Feb 29 11:59:59 2028 GMT"),
      (1_830_297_599, "Last Update: Dec 31 23:59:59 2027 GMT"),
      (2_540_000_000, "Last Update: Jun 28 03:33:20 2050 GMT"),
    ] {
      let time = Date(timeIntervalSince1970: seconds)
      let late = try AuthorityFixture(at: time)
      let path = "\(late.directory.path)/list.der"
      try Data(late.authority.revocationList(at: time).der).write(to: URL(filePath: path))
      let found = try await Command("openssl", ["crl", "-inform", "DER", "-in", path, "-noout", "-text"]).check()
      #expect(found.contains(text), "\(found)")
    }
  }
}

@Suite("What people see of the built-in authority") struct PublicLifeTests {
  @Test("has 90 days, of which 60 are left when it is renewed, also under an intermediate at half its life")
  func life() throws {
    let fixture = try AuthorityFixture()
    let half = AuthorityFixture.now + RootAuthority.intermediateLife.inSeconds / 2
    var generator = SplitMix64(seed: 1)
    for time in [AuthorityFixture.now, half] {
      let issued = try fixture.authority.issueServerCertificate(
        for: [try #require(ServerName("a.example.org"))], key: IdentityKey().publicKey, at: time)
      // The first minute lies before it was made.
      #expect(issued.validity.notAfter.timeIntervalSince(issued.validity.notBefore) == 90 * 86400)
      for _ in 0..<1000 {
        let renewal = RenewalPolicy.quarterLife.renewal(of: issued.validity, using: &generator)
        #expect(issued.validity.notAfter.timeIntervalSince(renewal) > 60 * 86400)
      }
    }
  }
}

extension Duration {
  fileprivate var inSeconds: TimeInterval { TimeInterval(components.seconds) }
}
