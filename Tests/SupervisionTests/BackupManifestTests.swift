import APIModel
import AgentModel
import Faults
import Foundation
import Storage
import Testing

@testable import Supervision

@Suite("What a backup says of itself") struct BackupManifestTests {
  static let files = [
    "control-plane/lobstack.sqlite", "control-plane/store.key", "control-plane/login.key",
    "control-plane/audit/records.log", "control-plane/audit/checkpoint", "control-plane/audit/key",
    "control-plane/audit/key.pub", "keys/operator.key", "keys/seal.key", "vault.snapshot",
  ]

  static func manifest(_ files: [String] = files) -> BackupManifest {
    BackupManifest(
      id: "6f1b1f6e-1f3a-4a57-9d1a-000000000001", version: "0", createdAt: Date(timeIntervalSince1970: 1),
      instance: "default", stateDirectory: "/var/lib/lobstack", trustDomain: "lobstack.local", arguments: [],
      schema: [], audit: AuditCopyHead(size: 0, rootHash: "", verifierKey: ""), secretsManager: .snapshot,
      sealKey: .included, agents: [],
      files: files.map { BackupManifest.File(path: $0, size: 1, sha256: String(repeating: "0", count: 64)) })
  }

  private func parse(_ manifest: BackupManifest) throws -> BackupManifest {
    try BackupManifest(parsing: Data(try APIJSON.encode(manifest)), source: "b.age")
  }

  @Test("is read as it was written") func roundTrip() throws {
    #expect(try parse(Self.manifest()) == Self.manifest())
  }

  @Test(
    "names no place but those that a backup has",
    arguments: [
      "/etc/passwd", "../x", "policy/../../x", "policy/./x", "policy//x", "policy/", "policy", "", "keys/other",
      "keys/seal.key/x", "run/supervisor.lock", "bin/lobstack", "vault/x", "vault", "control-plane/other",
      "control-plane/acme", "node/images/x", "node/agents/x/agent.json", "node/agents/x/../agent.json",
      "policy/a\nb", "policy/\u{0}", "policy/" + String(repeating: "x", count: 1024),
    ]) func places(path: String) throws
  {
    #expect(BackupPlace(path) == nil)
    let fault = #expect(throws: Fault.self) { try parse(Self.manifest(Self.files + [path])) }
    #expect(fault?.code == .invalid)
  }

  @Test("gives each file to whom it belongs") func owners() throws {
    let uid = AgentUID.random()
    let owners = [
      "control-plane/acme/current.pem", "keys/seal.key", "policy/falco/a.yaml", "vault/data/raft/raft.db",
      "node/agents/\(uid)/workspace.img",
    ].map { BackupPlace($0) }
    #expect(owners.map { $0?.owner } == [.controlPlane, .root, .root, .secretsManager, .root])
    #expect(owners.map { $0?.mode } == [0o600, 0o400, 0o644, 0o600, 0o600])
    #expect(owners.map { $0?.directoryMode } == [0o700, 0o700, 0o755, 0o700, 0o700])
  }

  @Test("lacks none of what a restore needs", arguments: files) func needed(file: String) {
    let fault = #expect(throws: Fault.self) { try parse(Self.manifest(Self.files.filter { $0 != file })) }
    #expect(fault?.reason == "it has no \(file)")
  }

  @Test("names no file twice, and none of a size below zero") func numbers() {
    #expect(throws: Fault.self) { try parse(Self.manifest(Self.files + ["vault.snapshot"])) }
    var negative = Self.manifest()
    negative.files[0].size = -1
    #expect(throws: Fault.self) { try parse(negative) }
  }

  @Test("is refused as such when a newer program made it") func newer() {
    let fault = #expect(throws: Fault.self) {
      try BackupManifest(parsing: Data(#"{"format": 3, "shape": "unknown"}"#.utf8), source: "b.age")
    }
    #expect(fault?.code == .unsupported)
  }

  @Test("is of the form that an older program refuses only when it needs it") func form() throws {
    let path = "control-plane/audit/leaves"
    #expect(Self.manifest().neededFormat == 1 && Self.manifest().format == 1)
    var archived = Self.manifest(Self.files + [path])
    #expect(archived.neededFormat == 2)
    archived.format = 2
    #expect(try parse(archived).files.contains { $0.path == path })
  }

  @Test("tells what is not in it") func gaps() throws {
    var manifest = Self.manifest()
    #expect(manifest.gaps.isEmpty)
    manifest.sealKey = .elsewhere
    manifest.agents = [
      BackupManifest.Agent(id: try #require(AgentID("default/bot")), uid: .random(), workspace: false)
    ]
    #expect(manifest.gaps.count == 2 && manifest.gaps[0].contains("default/bot"))
  }
}

@Suite("Those who can open a backup") struct BackupRecipientsTests {
  private static let ssh =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl someone@example.org"

  @Test("are keys of age or SSH, told by their fingerprints") func fingerprints() throws {
    let recipients = try BackupRecipients(["age1abc"], files: ["# ours\n\n  \(Self.ssh)\n"])
    // As `ssh-keygen -lf` shows it.
    #expect(
      recipients.fingerprints == ["age1abc", "ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"])
    #expect(recipients.text == "age1abc\n\(Self.ssh)\n")
  }

  @Test("are at least one, of one line each") func refused() {
    #expect(throws: Fault.self) { try BackupRecipients([], files: ["# none\n"]) }
    for line in ["", "age1abc\nage1def", "#x"] {
      #expect(throws: Fault.self) { try BackupRecipients([line], files: []) }
    }
  }

  @Test("that age does not know are refused in its words") func unknown() async throws {
    let fault = await #expect(throws: Fault.self) { try await BackupRecipients(["age1bogus"], files: []).check() }
    #expect(fault?.code == .invalid && fault?.reason.contains("recipient") == true, "\(fault?.reason ?? "")")
  }
}
