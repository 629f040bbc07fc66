import AgentModel
import CertificateAuthority
import Faults
import Foundation
import SeededRandom
import Testing

@Suite("A JWT-SVID") struct TokenTests {
  private let now = AuthorityFixture.now
  private let fixture: AuthorityFixture
  private let token: String
  private let verifier: JWTVerifier

  init() throws {
    fixture = try AuthorityFixture()
    token = try fixture.authority.issueJWTSVID(
      for: AuthorityFixture.id(), audience: ["openbao", "api"], at: now + 0.9
    ).secretToken
    verifier = JWTVerifier(fixture.authority.bundle)
  }

  /// A part of a token as JSON.
  private func json(_ part: Int, of token: String) throws -> [String: Any] {
    var text = token.split(separator: ".")[part].replacing("-", with: "+").replacing("_", with: "/")
    text += String(repeating: "=", count: (4 - text.count % 4) % 4)
    let data = try #require(Data(base64Encoded: String(text)))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test("says who, for whom, until when") func claims() throws {
    let header = try json(0, of: token)
    #expect(header["alg"] as? String == "ES256")
    #expect(header["typ"] as? String == "JWT")
    #expect((header["kid"] as? String)?.count == 43)
    let claims = try json(1, of: token)
    #expect(claims["sub"] as? String == "spiffe://lobstack.local/ns/acme/agent/support-bot")
    #expect(claims["aud"] as? [String] == ["openbao", "api"])
    #expect(claims["iat"] as? Int == 1_800_000_000)
    #expect(claims["exp"] as? Int == 1_800_000_060)
  }

  @Test("is believed by each of its audiences, for a minute") func accepted() throws {
    let expected = verifier.verify(token, audience: "openbao", at: now)
    guard case .accepted(let claims) = expected else {
      Issue.record("\(expected)")
      return
    }
    #expect(claims.subject == (try AuthorityFixture.id()))
    #expect(verifier.verify(token, audience: "api", at: now + 59.9) == expected)
    #expect(verifier.verify(token, audience: "openbao", at: now + 60) == .refused(.expired))
    #expect(verifier.verify(token, audience: "openbao", at: now - 61) == .refused(.notYetValid))
    #expect(verifier.verify(token, audience: "other", at: now) == .refused(.wrongAudience))
    #expect(verifier.verify(token, audience: "", at: now) == .refused(.wrongAudience))
  }

  @Test("never lives longer than a minute") func life() throws {
    for seconds in [1, 30, 60, 61, 100_000] {
      let token = try fixture.authority.issueJWTSVID(
        for: AuthorityFixture.id(), audience: ["a"], at: now, life: .seconds(seconds))
      #expect(token.expires == now + TimeInterval(min(seconds, 60)))
    }
  }

  @Test("has an audience", arguments: [[], [""], ["a", ""], [String(repeating: "a", count: 2000)]])
  func audience(names: [String]) throws {
    #expect(throws: Fault.self) {
      try fixture.authority.issueJWTSVID(for: AuthorityFixture.id(), audience: names, at: now)
    }
    #expect(throws: Fault.self) {
      try fixture.authority.issueJWTSVID(
        for: AuthorityFixture.id(), audience: Array(repeating: "a", count: 17), at: now)
    }
  }

  @Test("of another authority is refused") func foreign() throws {
    let other = try AuthorityFixture()
    let foreign = try other.authority.issueJWTSVID(for: AuthorityFixture.id(), audience: ["api"], at: now)
    #expect(verifier.verify(foreign.secretToken, audience: "api", at: now) == .refused(.unknownKey))
    // The key id of ours on it helps nothing.
    let parts = foreign.secretToken.split(separator: ".")
    let mixed = "\(token.split(separator: ".")[0]).\(parts[1]).\(parts[2])"
    #expect(verifier.verify(mixed, audience: "api", at: now) == .refused(.signature))
  }

  @Test(
    "with another algorithm is refused",
    arguments: [
      #"{"alg":"none","typ":"JWT","kid":"KID"}"#, #"{"alg":"HS256","kid":"KID"}"#, #"{"alg":"es256","kid":"KID"}"#,
      #"{"alg":"ES384","kid":"KID"}"#, #"{"kid":"KID"}"#, #"{"alg":"ES256"}"#, #"{"alg":"ES256","kid":""}"#,
      #"{"alg":"ES256","kid":"KID","crit":["b64"],"b64":false}"#, #"{"alg":"ES256","kid":"KID","typ":"at+jwt"}"#, "[]",
      "null", "", #"{"alg":"ES256","kid":"KID","x":"# + String(repeating: "[", count: 20_000),
      #"{"alg":"ES256","alg":"none","kid":"KID"}"#,
    ]) func algorithms(header: String) throws
  {
    let kid = try #require(try json(0, of: token)["kid"] as? String)
    let encoded = Data(header.replacing("KID", with: kid).utf8).base64EncodedString().replacing("=", with: "")
      .replacing("+", with: "-").replacing("/", with: "_")
    let parts = token.split(separator: ".")
    for forged in ["\(encoded).\(parts[1]).\(parts[2])", "\(encoded).\(parts[1])."] {
      guard case .refused = verifier.verify(forged, audience: "api", at: now) else {
        Issue.record("accepted \(header)")
        return
      }
    }
  }

  @Test("is refused after any change") func mutations() {
    var random = SplitMix64(seed: 2)
    let bytes = Array(token.utf8)
    var forged: [String] = ["", ".", "..", "...", token + ".", "." + token, token + "=", token + "\n", " " + token]
    for place in bytes.indices {
      for bit in 0..<7 {
        var changed = bytes
        changed[place] ^= 1 << UInt8(bit)
        forged.append(String(decoding: changed, as: UTF8.self))
      }
      forged.append(String(decoding: bytes.prefix(place), as: UTF8.self))
    }
    for _ in 0..<2_000 {
      var changed = bytes
      changed.remove(at: Int.random(in: 0..<changed.count, using: &random))
      changed.insert(.random(in: 32...126, using: &random), at: Int.random(in: 0..<changed.count, using: &random))
      forged.append(String(decoding: changed, as: UTF8.self))
    }
    forged.append(String(repeating: "a", count: 100_000))
    forged.append(String(repeating: ".", count: 30_000))
    for text in forged where text != token {
      guard case .refused = verifier.verify(text, audience: "api", at: now) else {
        Issue.record("accepted \(text)")
        return
      }
    }
  }

  @Test("is checked with keys that the bundle publishes") func bundle() throws {
    let kid = try #require(try json(0, of: token)["kid"] as? String)
    let jwks = try #require(
      try JSONSerialization.jsonObject(with: Data(fixture.authority.bundle.jwks())) as? [String: Any])
    let keys = try #require(jwks["keys"] as? [[String: Any]])
    #expect(keys.contains { $0["kid"] as? String == kid })
    #expect(keys.allSatisfy { $0["kty"] as? String == "EC" && $0["crv"] as? String == "P-256" && $0["d"] == nil })

    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(fixture.authority.bundle.spiffeJSON())) as? [String: Any])
    #expect(document["spiffe_sequence"] as? Int == Int(fixture.authority.bundle.sequence))
    #expect(document["spiffe_refresh_hint"] as? Int == 300)
    let all = try #require(document["keys"] as? [[String: Any]])
    let roots = all.filter { $0["use"] as? String == "x509-svid" }
    #expect(roots.count == 1)
    #expect(roots[0]["x5c"] as? [String] == [Data(fixture.root.anchor.der).base64EncodedString()])
    #expect(all.filter { $0["use"] as? String == "jwt-svid" }.count == 2)
  }
}
