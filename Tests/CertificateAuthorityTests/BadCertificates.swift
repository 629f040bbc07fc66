import CertificateAuthority
import Foundation
import SwiftASN1
import Testing
import X509

/// A leaf that a trusted authority signed, and that is still nobody's identity.
struct BadLeaf: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let reason: PeerRefusal
  let change: @Sendable (inout Forge.Wish) -> Void

  init(_ what: String, _ reason: PeerRefusal, _ change: @escaping @Sendable (inout Forge.Wish) -> Void) {
    testDescription = what
    self.reason = reason
    self.change = change
  }

  static let all: [BadLeaf] = [
    BadLeaf("two URIs", .severalURIs(2)) { $0.names.append(.uniformResourceIdentifier("spiffe://lobstack.local/b")) },
    BadLeaf("the same URI twice", .severalURIs(2)) { $0.names += $0.names },
    BadLeaf("no name", .noURI) { $0.names = [] },
    BadLeaf("a DNS name only", .noURI) { $0.names = [.dnsName("lobstack.local")] },
    uri("https://lobstack.local/ns/a", .notSPIFFEID), uri("spiffe://lobstack.local", .notSPIFFEID),
    uri("spiffe://lobstack.local/", .notSPIFFEID), uri("spiffe://lobstack.local/ns/../a", .notSPIFFEID),
    uri("spiffe://lobstack.local/ns/%61", .notSPIFFEID), uri("spiffe://lobstack.local:1/ns/a", .notSPIFFEID),
    uri("spiffe://user@lobstack.local/ns/a", .notSPIFFEID), uri("spiffe://lobstack.local/a?b", .notSPIFFEID),
    uri("SPIFFE://lobstack.local/a", .notSPIFFEID), uri("", .notSPIFFEID),
    uri("spiffe://evil.example/ns/acme/agent/support-bot", .wrongTrustDomain("evil.example")),
    BadLeaf("an authority", .authority) { $0.constraints = .isCertificateAuthority(maxPathLength: nil) },
    BadLeaf("one that may sign certificates", .authority) {
      $0.usage = KeyUsage(digitalSignature: true, keyCertSign: true)
    },
    BadLeaf("one that may sign revocations", .authority) { $0.usage = KeyUsage(digitalSignature: true, cRLSign: true) },
    BadLeaf("no key usage", .keyUsage) { $0.usage = nil },
    BadLeaf("another key usage", .keyUsage) { $0.usage = KeyUsage(keyEncipherment: true) },
    BadLeaf("no extended key usage", .extendedKeyUsage) { $0.extendedUsage = nil },
    BadLeaf("a server only", .extendedKeyUsage) { $0.extendedUsage = [.serverAuth] },
    BadLeaf("a client only", .extendedKeyUsage) { $0.extendedUsage = [.clientAuth] },
    BadLeaf("version 1", .malformed(0)) { $0.version = .v1 },
    BadLeaf("an end in the past", .expired(AuthorityFixture.now - 1)) { $0.notAfter = AuthorityFixture.now - 1 },
    BadLeaf("a start to come", .notYetValid(AuthorityFixture.now + 1)) { $0.notBefore = AuthorityFixture.now + 1 },
    BadLeaf("a critical extension that nobody knows", .foreign) {
      $0.extra = [.init(oid: [1, 2, 3, 4], critical: true, value: [5, 0])]
    },
  ]

  private static func uri(_ uri: String, _ reason: PeerRefusal) -> BadLeaf {
    BadLeaf("the URI '\(uri)'", reason) { $0.names = [.uniformResourceIdentifier(uri)] }
  }
}

/// An intermediate that a trusted root signed, and that may still sign nobody.
struct BadAuthority: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let change: @Sendable (inout Forge.Wish) -> Void

  init(_ what: String, _ change: @escaping @Sendable (inout Forge.Wish) -> Void) {
    testDescription = what
    self.change = change
  }

  static let all: [BadAuthority] = [
    BadAuthority("ended") { $0.notAfter = AuthorityFixture.now - 1 },
    BadAuthority("to come") { $0.notBefore = AuthorityFixture.now + 1 },
    BadAuthority("no authority") { $0.constraints = .notCertificateAuthority },
    BadAuthority("silent about it") { $0.constraints = nil },
    BadAuthority("of version 1") { $0.version = .v1 },
    BadAuthority("without the key usage") { $0.usage = KeyUsage(digitalSignature: true) },
    BadAuthority("silent about its key usage") { $0.usage = nil },
  ]
}
