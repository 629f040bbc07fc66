import AgentModel
import CertificateAuthority
import Crypto
import Faults
import Foundation
import SeededRandom
import Testing

@Suite("The root in files") struct RootAuthorityTests {
  private let directory: ScratchDirectory
  private let now = AuthorityFixture.now
  private var key: String { "\(directory.path)/root.key" }
  private var certificate: String { "\(directory.path)/root.crt" }

  init() throws { directory = try ScratchDirectory() }

  private func open(_ domain: TrustDomain = .default, at time: Date = AuthorityFixture.now) throws -> RootAuthority {
    try RootAuthority.open(in: directory.path, for: domain, at: time)
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  private func mode(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  /// The fault of opening; the files must be as they were.
  private func refusal(at time: Date = AuthorityFixture.now, domain: TrustDomain = .default) throws -> Fault {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
    let before = try names.map { try bytes("\(directory.path)/\($0)") }
    let fault = try #require(throws: Fault.self) { try open(domain, at: time) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == names)
    #expect(try names.map { try bytes("\(directory.path)/\($0)") } == before)
    return fault
  }

  @Test("is made once, the key for its owner's eyes only, and then stays") func made() throws {
    let first = try open()
    #expect(try mode(key) == 0o600)
    #expect(try mode(certificate) == 0o644)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["root.crt", "root.key"])
    #expect(try open(at: now + 86400).anchor == first.anchor)
    #expect(first.anchor.notAfter.timeIntervalSince(now) > 9 * 365 * 86400)
  }

  @Test("is completed after a first start that was interrupted") func interrupted() throws {
    let first = try open()
    try FileManager.default.removeItem(atPath: certificate)
    try Data("half".utf8).write(to: URL(filePath: certificate + ".new"))
    let fixture = Authority(trustDomain: .default, at: now)
    let second = try open()
    #expect(second.anchor != first.anchor)
    try fixture.trust(first.anchor, at: now)
    // Same key: what the second signs, the first vouches for.
    try AuthorityFixture.renew(fixture, by: second, at: now)
    #expect(try open().anchor == second.anchor)
  }

  @Test("is refused when others may read its key", arguments: [0o640, 0o604, 0o644, 0o660, 0o602])
  func readableKey(mode: Int) throws {
    _ = try open()
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: key)
    let fault = try refusal()
    #expect(fault.code == .denied)
    #expect(fault.reason.contains(String(mode, radix: 8)))
  }

  @Test("is refused when others may write its certificate", arguments: [0o664, 0o646, 0o666])
  func writableCertificate(mode: Int) throws {
    _ = try open()
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: certificate)
    #expect(try refusal().code == .denied)
  }

  @Test("is refused when its key is another user's", .enabled(if: geteuid() == 0, "only root can give files away"))
  func foreignKey() throws {
    _ = try open()
    try FileManager.default.setAttributes([.ownerAccountID: 12345], ofItemAtPath: key)
    #expect(try refusal().reason.contains("12345"))
  }

  @Test("is refused when a file is a link, a directory or too long") func odd() throws {
    _ = try open()
    let elsewhere = "\(directory.path)/elsewhere"
    try FileManager.default.moveItem(atPath: key, toPath: elsewhere)
    try FileManager.default.createSymbolicLink(atPath: key, withDestinationPath: elsewhere)
    #expect(try refusal().reason.contains("symbolic link"))
    try FileManager.default.removeItem(atPath: key)
    try FileManager.default.createDirectory(atPath: key, withIntermediateDirectories: false)
    #expect(throws: Fault.self) { try open() }
    try FileManager.default.removeItem(atPath: key)
    try Data(repeating: 0x41, count: 20_000).write(to: URL(filePath: key))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
    #expect(try refusal().reason.contains("longer"))
  }

  @Test("is refused when its key is gone, and no new one is made") func keyGone() throws {
    _ = try open()
    try FileManager.default.removeItem(atPath: key)
    let fault = try refusal()
    #expect(fault.code == .failed)
    #expect(fault.reason.contains("missing"))
  }

  @Test("is refused when a file is broken, without a word of the key", arguments: ["root.key", "root.crt"])
  func broken(name: String) throws {
    let whole = try open()
    let path = "\(directory.path)/\(name)"
    let text = String(decoding: try bytes(path), as: UTF8.self)
    let lines = text.split(separator: "\n")
    var random = SplitMix64(seed: 5)
    var versions = [
      "", "garbage", text + text, String(text.prefix(80)), text.replacing("-----BEGIN", with: "-----BEGAN"),
    ]
    for _ in 0..<40 {
      var changed = Array(text.utf8)
      changed[Int.random(in: 30..<(changed.count - 30), using: &random)] ^= 1 << UInt8.random(in: 0..<7, using: &random)
      versions.append(String(decoding: changed, as: UTF8.self))
    }
    for version in versions where version != text {
      try overwrite(path, with: version)
      do {
        // A key file says its public half twice; what only harms the copy leaves the same root.
        let root = try open()
        #expect(name == "root.key" && root.anchor == whole.anchor)
        continue
      } catch let fault as Fault {
        #expect(fault.description.contains(name) || fault.description.contains("root.crt"))
        for line in lines where name == "root.key" && !line.hasPrefix("-") {
          #expect(!fault.description.contains(line))
        }
      }
    }
  }

  /// Writes in place, so that owner and mode stay.
  private func overwrite(_ path: String, with text: String) throws {
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.truncate(atOffset: 0)
    try file.write(contentsOf: Data(text.utf8))
    try file.close()
  }

  @Test("is refused when key and certificate are not a pair") func mismatch() throws {
    _ = try open()
    try overwrite(key, with: P256.Signing.PrivateKey().pemRepresentation)
    #expect(try refusal().reason.contains("not the certificate of root.key"))
  }

  @Test("is refused for another trust domain") func otherDomain() throws {
    _ = try open()
    let other = try #require(TrustDomain("example.org"))
    #expect(try refusal(domain: other).reason.contains("example.org"))
  }

  @Test("is refused when it has ended, or has not begun") func time() throws {
    let root = try open()
    #expect(try refusal(at: root.anchor.notAfter).reason.contains("ended"))
    #expect(try refusal(at: now - 3600).reason.contains("not valid before"))
    let request = try PendingIntermediate().certificateRequest()
    let fault = try #require(throws: Fault.self) { try root.signIntermediate(request, at: root.anchor.notAfter) }
    #expect(fault.code == .unavailable)
  }

  @Test("takes no certificate for a root that is not one") func anchors() throws {
    let fixture = try AuthorityFixture()
    let chain = try fixture.chain()
    for der in [chain[0], chain[1], [], [0x30]] { #expect(throws: Fault.self) { try TrustAnchor(der: der) } }
    var changed = fixture.root.anchor.der
    changed[changed.count - 1] ^= 1
    #expect(throws: Fault.self) { try TrustAnchor(der: changed) }
  }

  @Test("shows no secret, however it is printed") func secrets() throws {
    let root = try open()
    let text = String(decoding: try bytes(key), as: UTF8.self)
    var shown = "\(root) \(String(reflecting: root))"
    dump(root, to: &shown)
    for line in text.split(separator: "\n") where !line.hasPrefix("-") { #expect(!shown.contains(line)) }
    #expect(!shown.lowercased().contains("privatekey"))
  }
}
