import AgentModel
import CertificateAuthority
import Faults
import Foundation
import SeededRandom
import Testing

@Suite("Rotation") struct RotationTests {
  private let now = AuthorityFixture.now

  @Test("of the intermediate leaves every certificate good that was issued before") func intermediate() async throws {
    let fixture = try AuthorityFixture()
    let before = try fixture.chain()
    let verifier = PeerVerifier(fixture.authority.bundle)
    try AuthorityFixture.renew(fixture.authority, by: fixture.root, at: now + 3600)
    let after = try fixture.chain(at: now + 3600)
    #expect(before[1] != after[1])
    for chain in [before, after] {
      #expect(await verifier.verify(chain: chain, at: now + 3600) == .accepted(try AuthorityFixture.id()))
    }
  }

  @Test("of the root has a time in which old and new are trusted") func root() async throws {
    let fixture = try AuthorityFixture()
    let authority = fixture.authority
    let old = try fixture.chain()
    let oldVerifier = PeerVerifier(authority.bundle)
    let directory = try ScratchDirectory()
    let successor = try RootAuthority.open(in: directory.path, for: .default, at: now)

    try authority.trust(successor.anchor, at: now)
    let both = PeerVerifier(authority.bundle)
    #expect(authority.bundle.anchors == [fixture.root.anchor, successor.anchor])
    // Still under the old root: verifiers without the new bundle lose nothing.
    #expect(await oldVerifier.verify(chain: try fixture.chain(), at: now) == .accepted(try AuthorityFixture.id()))

    try AuthorityFixture.renew(authority, by: successor, at: now + 60)
    let new = try fixture.chain(at: now + 60)
    #expect(await both.verify(chain: old, at: now + 60) == .accepted(try AuthorityFixture.id()))
    #expect(await both.verify(chain: new, at: now + 60) == .accepted(try AuthorityFixture.id()))
    #expect(await oldVerifier.verify(chain: new, at: now + 60) == .refused(.foreign))

    // The old root stays until the last certificate under it has ended, and a day longer.
    #expect(authority.retireAnchors(at: now + 86400).isEmpty)
    #expect(authority.retireAnchors(at: now + 86400 - 60, after: .seconds(1)).isEmpty)
    #expect(authority.retireAnchors(at: now + 2 * 86400) == [fixture.root.anchor])
    #expect(authority.retireAnchors(at: now + 2 * 86400).isEmpty)
    let last = PeerVerifier(authority.bundle)
    #expect(await last.verify(chain: old, at: now + 60) == .refused(.foreign))
    #expect(await last.verify(chain: new, at: now + 60) == .accepted(try AuthorityFixture.id()))
  }

  @Test("keeps the root of the present intermediate, and takes no root that has ended") func retirement() throws {
    let fixture = try AuthorityFixture()
    #expect(fixture.authority.retireAnchors(at: now + 100 * 86400).isEmpty)
    #expect(fixture.authority.retireAnchors(at: fixture.root.anchor.notAfter) == [fixture.root.anchor])
    #expect(fixture.authority.bundle.anchors.isEmpty)
    #expect(throws: Fault.self) { try fixture.authority.trust(fixture.root.anchor, at: fixture.root.anchor.notAfter) }
  }

  @Test("of the token key needs no verifier to be told in time") func tokens() throws {
    let fixture = try AuthorityFixture()
    let authority = fixture.authority
    let verifier = JWTVerifier(authority.bundle)
    let before = try authority.issueJWTSVID(for: AuthorityFixture.id(), audience: ["openbao"], at: now)
    try authority.rotateTokenKeys(at: now)
    let after = try authority.issueJWTSVID(for: AuthorityFixture.id(), audience: ["openbao"], at: now)
    for token in [before, after] {
      guard case .accepted = verifier.verify(token.secretToken, audience: "openbao", at: now) else {
        Issue.record("refused by the bundle of before")
        return
      }
      guard case .accepted = JWTVerifier(authority.bundle).verify(token.secretToken, audience: "openbao", at: now)
      else {
        Issue.record("refused by the bundle of after")
        return
      }
    }
    #expect(throws: Fault.self) { try authority.rotateTokenKeys(at: now + 119) }
    try authority.rotateTokenKeys(at: now + 120)
    try authority.rotateTokenKeys(at: now + 240)
    #expect(
      JWTVerifier(authority.bundle).verify(before.secretToken, audience: "openbao", at: now) == .refused(.unknownKey))
  }

  @Test("numbers the bundles upward, also over a restart, and tells who watches") func sequence() async throws {
    let fixture = try AuthorityFixture()
    let authority = fixture.authority
    var changes = authority.bundleChanges().makeAsyncIterator()
    let first = authority.bundle.sequence
    try authority.rotateTokenKeys(at: now)
    try authority.rotateTokenKeys(at: now + 200)
    let last = authority.bundle.sequence
    #expect(last > first)
    #expect(await changes.next() == last)
    let restarted = Authority(trustDomain: .default, at: now + 201)
    #expect(restarted.bundle.sequence > last)
    try authority.trust(fixture.root.anchor, at: now + 300)
    #expect(authority.bundle.sequence == last)
  }

  @Test("of many certificates at once is spread over a fifth of their life") func spread() throws {
    let fixture = try AuthorityFixture()
    let svid = try fixture.authority.issueX509SVID(
      for: AuthorityFixture.id(), key: IdentityKey().publicKey, at: now)
    let validity = svid.certificate.validity
    let life = validity.notAfter.timeIntervalSince(validity.issued)
    var random = SplitMix64(seed: 9)
    let parts = (0..<1000).map { _ in
      RenewalPolicy.halfLife.renewal(of: validity, using: &random).timeIntervalSince(validity.issued) / life
    }
    #expect(parts.allSatisfy { (0.4...0.6).contains($0) })
    #expect(try #require(parts.min()) < 0.42)
    #expect(try #require(parts.max()) > 0.58)
    var again = SplitMix64(seed: 9)
    #expect(
      RenewalPolicy.halfLife.renewal(of: validity, using: &again).timeIntervalSince(validity.issued) / life == parts[0])
  }

  @Test("is due, then overdue, then too late") func urgency() throws {
    let fixture = try AuthorityFixture()
    let svid = try fixture.authority.issueX509SVID(
      for: AuthorityFixture.id(), key: IdentityKey().publicKey, at: now, life: .seconds(1000))
    let policy = RenewalPolicy.halfLife
    let expected: [(TimeInterval, RenewalPolicy.Urgency)] = [
      (0, .none), (499, .none), (500, .due), (749, .due), (750, .overdue), (1000, .overdue), (1001, .ended),
    ]
    for (seconds, urgency) in expected {
      #expect(policy.urgency(of: svid.certificate.validity, renewal: now + 500, at: now + seconds) == urgency)
    }
    #expect(RenewalPolicy(share: 7, jitter: 7) == RenewalPolicy(share: 0.5, jitter: 0.25))
  }
}
