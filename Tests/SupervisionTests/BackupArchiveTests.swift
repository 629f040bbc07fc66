import APIModel
import AgentModel
import AuditLog
import ChildProcess
import Faults
import Foundation
import Storage
import Testing

@testable import Supervision

/// Archives that an attacker made: whoever knows the recipient's public key can encrypt for it.
@Suite("A backup that is opened", .enabled(if: rootTests), .timeLimit(.minutes(2))) struct BackupArchiveTests {
  /// A directory with a key, and room for what is packed and unpacked.
  private struct Place {
    let directory: String
    let identity: [UInt8]
    let recipient: String

    var content: String { "\(directory)/content" }
    var archive: String { "\(directory)/backup.age" }
    var target: String { "\(directory)/target" }

    /// Encrypts what a shell command writes: most often tar.
    func encrypt(_ script: String) async throws {
      try await Command(
        "sh", ["-c", "(\(script)) | age -r \(recipient) -o \(archive)"], directory: content
      ).check()
    }

    func open(identity: [UInt8]? = nil) async throws -> BackupManifest {
      try await BackupArchive(path: archive).unpack(into: target, identity: identity ?? self.identity)
      return try UnpackedBackup(verifying: target, from: archive, progress: { _ in }).manifest
    }
  }

  private func with(_ body: (Place) async throws -> Void) async throws {
    try await withDirectory { directory in
      let key = try await Command("age-keygen").check()
      let recipient = try await Command("age-keygen", ["-y"]).check(input: Array(key.utf8))
      let place = Place(
        directory: directory, identity: Array(key.utf8),
        recipient: recipient.trimmingCharacters(in: .whitespacesAndNewlines))
      try await make(place.content)
      try await body(place)
    }
  }

  /// What a backup holds, with a manifest that tells the truth.
  private func make(_ content: String) async throws {
    for path in ["control-plane", "keys", "policy/network"] {
      try FileManager.default.createDirectory(atPath: "\(content)/\(path)", withIntermediateDirectories: true)
    }
    let store = try await Store.open(path: "\(content).sqlite", key: StoreKey(SecretValue([1])))
    try store.close()
    let copy = try StoreCopy.make(from: "\(content).sqlite", to: "\(content)/control-plane/lobstack.sqlite")
    let log = try await AuditFile.open(directory: "\(content)/control-plane/audit")
    _ = try await log.append(AuditRecord(time: 1, actor: "a", action: "b", target: "c", outcome: "d"))
    let (head, verifier) = (await log.head, log.verifierKey)
    try await log.close()
    for name in [
      "control-plane/store.key", "control-plane/login.key", "keys/operator.key", "keys/seal.key",
      "vault.snapshot", "policy/network/a.yaml",
    ] {
      try Data(name.utf8).write(to: URL(filePath: "\(content)/\(name)"))
    }
    var manifest = BackupManifestTests.manifest([])
    manifest.schema = copy.schema
    manifest.audit = AuditCopyHead(size: head.size, rootHash: head.rootHash, verifierKey: verifier)
    for path in try regularFiles(below: content) {
      let found = try digest(of: "\(content)/\(path)")
      manifest.files.append(BackupManifest.File(path: path, size: found.size, sha256: found.sha256))
    }
    try write(manifest, content)
  }

  private func write(_ manifest: BackupManifest, _ content: String) throws {
    try Data(try APIJSON.encode(manifest)).write(to: URL(filePath: "\(content)/manifest.json"))
  }

  private static let good = "tar --create *"

  @Test("is taken when it is what it says, as root's, and for one of its recipients") func good() async throws {
    try await with { place in
      try await place.encrypt(Self.good)
      #expect(try await place.open().instance == "default")
      let attributes = try FileManager.default.attributesOfItem(atPath: place.target)
      #expect(attributes[.ownerAccountID] as? Int == 0 && attributes[.posixPermissions] as? Int == 0o700)
    }
  }

  @Test(
    "is refused, and has changed nothing outside of its directory, when an archive holds what no backup does",
    arguments: [
      // Paths that lead out.
      "tar --create --absolute-names * /etc/hostname", "tar --create --transform 's,^vault.snapshot,../../escaped,' *",
      "cp vault.snapshot extra && tar --create --transform 's,^extra,x/../../../escaped,' *",
      // Links, and what is written through them.
      "rm -r policy && ln -s .. policy && tar --create *", "ln -s /etc/passwd keys/seal2.key && tar --create *",
      "ln -f vault.snapshot keys/other && tar --create *",
      "mkdir ../l && ln -s \(NSTemporaryDirectory()) ../l/policy && tar --create -C ../l policy -C ../content *",
      "mkdir ../l && ln -s keys ../l/policy && tar --create -C ../l policy -C ../content *",
      // What is no file.
      "mknod keys/null c 1 3 && tar --create *", "mkfifo policy/pipe && tar --create *",
      // What the manifest does not name, names otherwise, or names in vain.
      "echo x > policy/extra && tar --create *", "echo x > extra && tar --create *",
      "echo changed >> policy/network/a.yaml && tar --create *",
      "printf '%s' keys/Seal.key > keys/seal.key && tar --create *",
      "rm policy/network/a.yaml && tar --create *", "rm manifest.json && tar --create *",
      "echo '{}' > manifest.json && tar --create *",
      // The same name twice.
      "cp -r policy ../p && mkdir ../q && mv ../p ../q/policy && tar --create * -C ../q policy",
      // A hole as large as no disk.
      "truncate -s 4T policy/network/a.yaml && tar --create --sparse *",
      // No archive at all, and half of one.
      "head -c 100000 /dev/urandom", "echo", "tar --create * | head -c 4000",
    ]) func hostile(script: String) async throws
  {
    try await with { place in
      try await place.encrypt(script)
      let before = try FileManager.default.contentsOfDirectory(atPath: place.directory)
      let fault = await #expect(throws: Fault.self) { try await place.open() }
      #expect(fault?.code == .invalid, "\(script): \(fault.map { "\($0)" } ?? "")")
      let after = try FileManager.default.contentsOfDirectory(atPath: place.directory)
      #expect(Set(after).subtracting(before).subtracting(["target"]).isEmpty)
      #expect(!FileManager.default.fileExists(atPath: "\(NSTemporaryDirectory())escaped"))
    }
  }

  @Test("is refused when its manifest is another store's or another log's") func manifests() async throws {
    for change in [{ $0.schema = [] }, { $0.audit.size = 7 }, { $0.audit.verifierKey = "x+00000000+AAAA" }]
      as [(inout BackupManifest) -> Void]
    {
      try await with { place in
        var manifest = try BackupManifest(
          parsing: try Data(contentsOf: URL(filePath: "\(place.content)/manifest.json")), source: "")
        change(&manifest)
        try write(manifest, place.content)
        try await place.encrypt(Self.good)
        let fault = await #expect(throws: Fault.self) { try await place.open() }
        #expect(fault?.code == .invalid)
      }
    }
  }

  @Test("is refused with a byte changed, cut short, or by another's identity") func damaged() async throws {
    try await with { place in
      try await place.encrypt(Self.good)
      let whole = try Data(contentsOf: URL(filePath: place.archive))
      for position in [3, 60, whole.count / 2, whole.count - 1] {
        var bytes = whole
        bytes[position] ^= 1
        try bytes.write(to: URL(filePath: place.archive))
        let fault = await #expect(throws: Fault.self) { try await place.open() }
        #expect([.invalid, .denied].contains(fault?.code), "byte \(position): \(fault.map { "\($0)" } ?? "")")
        try FileManager.default.removeItem(atPath: place.target)
      }
      for count in [0, 100, whole.count / 2, whole.count - 16] {
        try whole.prefix(count).write(to: URL(filePath: place.archive))
        let fault = await #expect(throws: Fault.self) { try await place.open() }
        #expect(fault?.code == .invalid, "\(count) bytes: \(fault.map { "\($0)" } ?? "")")
        try FileManager.default.removeItem(atPath: place.target)
      }
      try whole.write(to: URL(filePath: place.archive))
      let other = try await Command("age-keygen").check()
      let fault = await #expect(throws: Fault.self) { try await place.open(identity: Array(other.utf8)) }
      #expect(fault?.code == .denied)
      try FileManager.default.removeItem(atPath: place.target)
      let none = await #expect(throws: Fault.self) { try await place.open(identity: Array("no key\n".utf8)) }
      #expect(none?.code == .invalid && none?.operation == "read the identity", "\(none.map { "\($0)" } ?? "")")
    }
  }
}
