import AgentModel
import CertificateAuthority
import Faults
import Foundation
import Testing

@Suite("A certificate of another authority") struct ForeignCertificateTests {
  private let fixture: AuthorityFixture
  private let key = IdentityKey()
  private let chain: CertificateChain
  private static let now = AuthorityFixture.now
  private static let name = "gateway.example.org"

  init() throws {
    fixture = try AuthorityFixture()
    chain = try fixture.authority.issueServerCertificate(
      for: [try #require(ServerName(Self.name))], key: key.publicKey, at: Self.now, life: .seconds(3600)
    ).chain
  }

  private func read(
    _ chain: String? = nil, key: String? = nil, names: [String] = [name], at time: Date = now
  ) throws -> ForeignCertificate {
    try ForeignCertificate(
      chain: chain ?? self.chain.pem, privateKey: key ?? self.key.secretPEM, for: names, at: time)
  }

  @Test("is taken with its key, its names and its end") func reads() throws {
    let certificate = try read("text before\n" + chain.pem)
    #expect(certificate.chain == chain.pem)
    #expect(certificate.names == [Self.name] && certificate.issuer.hasPrefix("Lobstack intermediate"))
    #expect(certificate.validity.notAfter == Self.now + 3600)
    #expect(!"\(certificate)".contains("PRIVATE") && !String(reflecting: certificate).contains("PRIVATE"))
  }

  @Test("survives in one text with its key") func text() throws {
    let certificate = try read()
    let again = try ForeignCertificate(secretPEM: certificate.secretPEM, for: [Self.name], at: Self.now)
    #expect(again == certificate)
    for broken in ["", chain.pem, key.secretPEM, String(certificate.secretPEM.dropLast(60))] {
      #expect(throws: Fault.self) {
        try ForeignCertificate(secretPEM: broken, for: [Self.name], at: Self.now)
      }
    }
  }

  @Test("is refused when it would not hold for people") func refuses() throws {
    let mixed = CertificateChain(
      [chain.certificates[0], fixture.authority.bundle.anchors[0].der])
    for (reason, attempt) in [
      ("another key", { try read(key: IdentityKey().secretPEM) }), ("not of P-256", { try read(key: "key") }),
      ("is not for other.example.org", { try read(names: [Self.name, "other.example.org"]) }),
      ("it is valid from", { try read(at: Self.now + 3601) }), ("it is valid from", { try read(at: Self.now - 3600) }),
      ("no certificate", { try read("") }), ("no PEM", { try read("-----BEGIN CERTIFICATE-----\nAAAA") }),
      ("no certificate", { try read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") }),
      ("not in order", { try read(mixed.pem) }),
      ("over", { try read(chain.pem + String(repeating: "\n", count: 70_000)) }),
    ] as [(String, () throws -> ForeignCertificate)] {
      let fault = #expect(throws: Fault.self) { try attempt() }
      #expect(fault?.reason.contains(reason) == true, "\(reason): \(String(describing: fault))")
    }
  }
}
