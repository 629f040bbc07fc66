import AgentModel
import CertificateAuthority
import Foundation
import Testing

/// A directory of its own for one test, gone afterwards.
final class ScratchDirectory: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/lobstack-ca-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  // Losing the error is right: what is left behind is a temporary file.
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws -> String {
    let file = "\(path)/\(name)"
    try Data(text.utf8).write(to: URL(filePath: file))
    return file
  }
}

/// An authority with its root in a scratch directory, at a fixed time.
struct AuthorityFixture: Sendable {
  static let now = Date(timeIntervalSince1970: 1_800_000_000)
  let directory: ScratchDirectory
  let root: RootAuthority
  let authority: Authority

  init(domain: TrustDomain = .default, limits: Authority.Limits = Authority.Limits(), at time: Date = Self.now) throws {
    directory = try ScratchDirectory()
    root = try RootAuthority.open(in: directory.path, for: domain, at: time)
    authority = Authority(trustDomain: domain, limits: limits, at: time)
    try authority.trust(root.anchor, at: time)
    try Self.renew(authority, by: root, at: time)
  }

  static func renew(_ authority: Authority, by root: RootAuthority, at time: Date) throws {
    let pending = PendingIntermediate()
    let certificate = try root.signIntermediate(try pending.certificateRequest(), at: time)
    try authority.adopt(pending, certificate: certificate, at: time)
  }

  static func id(_ text: String = "spiffe://lobstack.local/ns/acme/agent/support-bot") throws -> SPIFFEID {
    try #require(SPIFFEID(text))
  }

  /// The certificates of an agent's SVID, leaf first.
  func chain(at time: Date = Self.now, life: Duration? = nil) throws -> [[UInt8]] {
    let svid = try authority.issueX509SVID(for: Self.id(), key: IdentityKey().publicKey, at: time, life: life)
    return svid.certificate.chain.certificates
  }
}
