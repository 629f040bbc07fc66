import AgentModel
import CertificateAuthority
import Foundation
import Glibc

/// Identities issued on one core, against what OpenBao's PKI engine issues for each second of its processor time.
///
/// Ours is measured in process, as the control plane uses it; OpenBao answers requests over HTTP, which is the only way
/// to use it. It is given every ease: memory for storage, no audit, no TLS, certificates that it does not keep.
enum IdentityBenchmark {
  private static let count = 10_000
  private static let identity = "spiffe://lobstack.local/ns/acme/agent/support-bot"

  static func run() async throws -> [Row] {
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    let identities = try Identities(in: directory.path)
    let authority = identities.authority
    let now = Date()
    let id = try parsed(SPIFFEID(identity))
    let key = IdentityKey()
    let (info, request) = (key.publicKey.der, try key.certificateRequest())
    let chain = try authority.issueX509SVID(for: id, key: key.publicKey, at: now).certificate.chain.certificates
    let peers = PeerVerifier(authority.bundle)
    let tokens = JWTVerifier(authority.bundle)
    let token = try authority.issueJWTSVID(for: id, audience: ["openbao"], at: now).secretToken

    let requests = try await measure {
      _ = try authority.issueX509SVID(for: id, key: SubjectKey(certificateRequest: request), at: now)
    }
    let fresh = try await measure { _ = try authority.issueX509SVID(for: id, key: IdentityKey().publicKey, at: now) }
    let keys = try await measure {
      _ = try authority.issueX509SVID(for: id, key: SubjectKey(publicKeyInfo: info), at: now)
    }
    let issued = try await measure { _ = try authority.issueJWTSVID(for: id, audience: ["openbao"], at: now) }
    let checked = try await measure {
      guard case .accepted = tokens.verify(token, audience: "openbao", at: now) else {
        throw BenchmarkFailure("a good token was refused")
      }
    }
    let verified = try await measure {
      guard case .accepted = await peers.verify(chain: chain, at: now) else {
        throw BenchmarkFailure("a good chain was refused")
      }
    }
    let bao = try await OpenBaoPeer.measure(in: directory.path, identity: identity, request: request)
    return compare("X.509-SVID from a request (PKCS #10)", requests, "sign", bao?.sign, goal: "5,000/s")
      + compare("X.509-SVID with a fresh key", fresh, "issue", bao?.issue) + [
        Row(what: "X.509-SVID from a public key", figure: text(keys), goal: "5,000/s"),
        Row(what: "JWT-SVID issued", figure: text(issued)), Row(what: "JWT-SVID checked", figure: text(checked)),
        Row(what: "peer's chain verified", figure: text(verified)),
      ]
  }

  private static func compare(
    _ what: String, _ ours: Measured, _ call: String, _ peer: [OpenBaoPeer.Result]?, goal: String = ""
  ) -> [Row] {
    guard let peer else {
      return [Row(what: what, figure: text(ours), peer: "OpenBao: peer not available", goal: goal)]
    }
    return peer.map { result in
      Row(
        what: what, figure: text(ours),
        peer: String(
          format: "OpenBao \(call), c=\(result.connections): %.0f/s a core, %.0f/s, p50 %.2f ms, p99 %.1f ms",
          result.perCore, result.load.rate, result.load.p50, result.load.p99),
        ratio: String(
          format: "%.2g / %.2g, %.1f times the rate a core", ours.times.p50 / result.load.p50,
          ours.times.p99 / result.load.p99,
          ours.perCore / result.perCore), goal: goal)
    }
  }

  private struct Measured {
    var times: Samples
    /// Things done in each second of this process's processor time, which is told apart from others' as OpenBao's is.
    var perCore: Double
  }

  private static func text(_ measured: Measured) -> String {
    String(format: "%.0f/s a core, p50 %.3f ms, p99 %.3f ms", measured.perCore, measured.times.p50, measured.times.p99)
  }

  private static func measure(_ body: () async throws -> Void) async rethrows -> Measured {
    var times: [Duration] = []
    times.reserveCapacity(count)
    let before = clock()
    for _ in 0..<count {
      let begin = ContinuousClock.now
      try await body()
      times.append(begin.duration(to: .now))
    }
    let seconds = Double(clock() - before) / Double(CLOCKS_PER_SEC)
    return Measured(times: Samples(times), perCore: Double(count) / seconds)
  }
}
