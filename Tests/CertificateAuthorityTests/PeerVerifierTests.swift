import AgentModel
import CertificateAuthority
import Crypto
import Foundation
import SeededRandom
import SwiftASN1
import Testing
import X509

@Suite("A TLS peer") struct PeerVerifierTests {
  private let now = AuthorityFixture.now

  @Test("is who its certificate says") func accepted() async throws {
    let fixture = try AuthorityFixture()
    let verifier = PeerVerifier(fixture.authority.bundle)
    #expect(await verifier.verify(chain: try fixture.chain(), at: now) == .accepted(try AuthorityFixture.id()))
    let forge = try Forge()
    #expect(
      await PeerVerifier(forge.bundle).verify(chain: try forge.chain(), at: now)
        == .accepted(try AuthorityFixture.id()))
  }

  @Test("has whatever id was issued, and gets it back") func roundTrip() async throws {
    var random = SplitMix64(seed: 7)
    for domain in ["lobstack.local", "a", "x_y-z.0", String(repeating: "d", count: 255)] {
      let domain = try #require(TrustDomain(domain))
      let fixture = try AuthorityFixture(domain: domain)
      let verifier = PeerVerifier(fixture.authority.bundle)
      for _ in 0..<25 {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")
        let segments = (0..<Int.random(in: 1...6, using: &random)).map { _ in
          "s"
            + String(
              (0..<Int.random(in: 0...40, using: &random)).compactMap { _ in letters.randomElement(using: &random) })
        }
        let id = try AuthorityFixture.id("spiffe://\(domain)/\(segments.joined(separator: "/"))")
        let svid = try fixture.authority.issueX509SVID(for: id, key: IdentityKey().publicKey, at: now)
        #expect(svid.id == id)
        #expect(await verifier.verify(chain: svid.certificate.chain.certificates, at: now) == .accepted(id))
      }
    }
  }

  @Test("is refused for what its certificate says", arguments: BadLeaf.all) func refusedLeaf(leaf: BadLeaf) async throws
  {
    let forge = try Forge()
    #expect(
      await PeerVerifier(forge.bundle).verify(chain: try forge.chain(leaf.change), at: now) == .refused(leaf.reason))
  }

  @Test("is refused under an authority that may not sign it", arguments: BadAuthority.all)
  func refusedIntermediate(authority: BadAuthority) async throws {
    let forge = try Forge(intermediate: authority.change)
    guard case .refused(.path) = await PeerVerifier(forge.bundle).verify(chain: try forge.chain(), at: now) else {
      Issue.record("accepted")
      return
    }
  }

  @Test("is refused under a root that has ended") func refusedRoot() async throws {
    let forge = try Forge(root: { $0.notAfter = now - 1 })
    guard case .refused(.path) = await PeerVerifier(forge.bundle).verify(chain: try forge.chain(), at: now) else {
      Issue.record("accepted")
      return
    }
  }

  @Test("is refused below an authority deeper than the path length") func pathLength() async throws {
    let forge = try Forge()
    let key = P256.Signing.PrivateKey()
    let deep = try Forge.make(
      Forge.authorityWish(name: "deep", pathLength: nil), key: key.publicKey, issuer: forge.intermediate.subject,
      signer: forge.intermediateKey)
    let leaf = try Forge.make(
      Forge.Wish(), key: P256.Signing.PrivateKey().publicKey, issuer: deep.subject, signer: key)
    let chain = try [leaf, deep, forge.intermediate].map(Forge.der)
    guard case .refused(.path) = await PeerVerifier(forge.bundle).verify(chain: chain, at: now) else {
      Issue.record("accepted")
      return
    }
  }

  @Test("is refused when another workload's SVID signed it") func leafAsIssuer() async throws {
    let forge = try Forge()
    let key = P256.Signing.PrivateKey()
    var wish = Forge.Wish()
    wish.subject = try DistinguishedName { CommonName("agent") }
    let agent = try Forge.make(
      wish, key: key.publicKey, issuer: forge.intermediate.subject, signer: forge.intermediateKey)
    let leaf = try Forge.make(Forge.Wish(), key: key.publicKey, issuer: agent.subject, signer: key)
    let chain = try [leaf, agent, forge.intermediate].map(Forge.der)
    guard case .refused(.path) = await PeerVerifier(forge.bundle).verify(chain: chain, at: now) else {
      Issue.record("accepted")
      return
    }
  }

  @Test("is refused from a foreign authority, also one with the same names") func foreign() async throws {
    let forge = try Forge()
    let twin = try Forge()
    let verifier = PeerVerifier(forge.bundle)
    #expect(await verifier.verify(chain: try twin.chain(), at: now) == .refused(.foreign))
    #expect(
      await verifier.verify(chain: [try twin.chain()[0], try forge.chain()[1]], at: now) == .refused(.foreign))
    #expect(await verifier.verify(chain: try twin.chain() + [Forge.der(twin.root)], at: now) == .refused(.foreign))
    #expect(await verifier.verify(chain: [try forge.chain()[0]], at: now) == .refused(.foreign))
    let empty = PeerVerifier(TrustBundle(trustDomain: .default, anchors: []))
    #expect(await empty.verify(chain: try forge.chain(), at: now) == .refused(.foreign))
    let selfSigned = try Forge.make(
      Forge.Wish(), key: twin.rootKey.publicKey, issuer: DistinguishedName(), signer: twin.rootKey)
    #expect(await verifier.verify(chain: [try Forge.der(selfSigned)], at: now) == .refused(.foreign))
  }

  @Test("is refused when it shows an authority's own certificate") func authorities() async throws {
    let fixture = try AuthorityFixture()
    let verifier = PeerVerifier(fixture.authority.bundle)
    #expect(await verifier.verify(chain: [try fixture.chain()[1]], at: now) == .refused(.authority))
    #expect(await verifier.verify(chain: [fixture.root.anchor.der], at: now) == .refused(.authority))
  }

  @Test("is refused with the certificate of a server") func server() async throws {
    let fixture = try AuthorityFixture()
    let name = try #require(ServerName("localhost"))
    let certificate = try fixture.authority.issueServerCertificate(
      for: [name], key: IdentityKey().publicKey, at: now)
    let verifier = PeerVerifier(fixture.authority.bundle)
    #expect(await verifier.verify(chain: certificate.chain.certificates, at: now) == .refused(.noURI))
  }

  @Test("is refused without a certificate, and with too many") func sizes() async throws {
    let fixture = try AuthorityFixture()
    let verifier = PeerVerifier(fixture.authority.bundle)
    #expect(await verifier.verify(chain: [], at: now) == .refused(.noCertificate))
    let chain = try fixture.chain()
    #expect(
      await verifier.verify(chain: chain + Array(repeating: chain[1], count: 3), at: now) == .refused(.tooLarge))
    #expect(
      await verifier.verify(chain: [[UInt8](repeating: 0x30, count: 40_000)], at: now) == .refused(.tooLarge))
    #expect(await verifier.verify(chain: [[]], at: now) == .refused(.malformed(0)))
    #expect(await verifier.verify(chain: [chain[0], [0x30, 0x80]], at: now) == .refused(.malformed(1)))
    #expect(await verifier.verify(chain: [chain[0] + [0], chain[1]], at: now) == .refused(.malformed(0)))
  }

  @Test("is refused after any one-byte change of its chain") func mutations() async throws {
    let fixture = try AuthorityFixture()
    let verifier = PeerVerifier(fixture.authority.bundle)
    let chain = try fixture.chain()
    var random = SplitMix64(seed: 3)
    for certificate in chain.indices {
      for place in chain[certificate].indices {
        var changed = chain
        changed[certificate][place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        let verdict = await verifier.verify(chain: changed, at: now)
        guard case .accepted = verdict else { continue }
        // How many bits of the signature's last byte are unused: swift-asn1 takes another count when those bits are 0.
        let der = chain[certificate]
        let isBitCount = place >= 2 && der[place - 2] == 3 && Int(der[place - 1]) == der.count - place
        if !isBitCount { Issue.record("certificate \(certificate), byte \(place)") }
      }
    }
  }

  @Test("is refused, never a crash, after wilder changes") func garbage() async throws {
    let fixture = try AuthorityFixture()
    let verifier = PeerVerifier(fixture.authority.bundle)
    let chain = try fixture.chain()
    var random = SplitMix64(seed: 11)
    for _ in 0..<3_000 {
      var changed = chain
      let certificate = Int.random(in: 0...1, using: &random)
      for _ in 0...Int.random(in: 0...6, using: &random) {
        let place = Int.random(in: 0..<changed[certificate].count, using: &random)
        switch Int.random(in: 0...3, using: &random) {
        case 0: changed[certificate][place] = .random(in: 0...255, using: &random)
        case 1: changed[certificate].insert(.random(in: 0...255, using: &random), at: place)
        case 2: changed[certificate].remove(at: place)
        default: changed[certificate].removeSubrange(place..<min(place + 20, changed[certificate].count))
        }
        if changed[certificate].isEmpty { break }
      }
      if changed == chain { continue }
      if case .accepted = await verifier.verify(chain: changed, at: now) { Issue.record("\(changed)") }
    }
  }
}
