import AuditLog
import Faults
import Glibc

/// The files of one audit log and the order in which they come to be.
///
/// - `records.log`: records and seals, append-only (`AuditFrame`).
/// - `checkpoint`: the latest seal once more, so that cutting `records.log` short shows.
/// - `leaves`: the leaf hashes of archived records, 32 bytes each; only of a log that was archived from (`AuditLeaves`).
/// - `key`: the Ed25519 seed, 32 bytes, mode 0600.
/// - `key.pub`: the verifier key. Written last: a directory with it is complete, and must stay so.
struct AuditDirectory: Sendable {
  let path: String

  var records: String { "\(path)/records.log" }
  var checkpoint: String { "\(path)/checkpoint" }
  var leaves: String { "\(path)/leaves" }
  var key: String { "\(path)/key" }
  /// What is to take the place of `records`; left behind by a crash, it is nothing.
  var nextRecords: String { "\(records).new" }
  var publicKey: String { "\(path)/key.pub" }

  /// Keeps every other process out, from before the first file is there.
  ///
  /// - Throws: `Fault(.conflict)` when another process has the log open.
  func lock() throws -> AuditDescriptor {
    if mkdir(path, 0o700) != 0, errno != EEXIST { throw AuditDescriptor.fault("create directory", path) }
    let descriptor = try AuditDescriptor(path, O_RDONLY | O_DIRECTORY)
    guard try descriptor.lock() else {
      throw Fault(
        .conflict, operation: "open the audit log in \(path)", reason: "another process has it open",
        remedy: "stop the other control plane first")
    }
    return descriptor
  }

  /// Opens the log's key, and makes all files at the first start.
  ///
  /// - Throws: `Fault(.failed)` when files of an existing log are missing or do not belong together.
  func prepare(origin: NoteKeyName?) throws -> NoteSigner {
    if try exists(publicKey) {
      let verifier = try readVerifier()
      let signer = try NoteSigner(name: verifier.name, seed: try readSeed())
      guard signer.verifier.description == verifier.description else { throw damaged("key and key.pub do not match") }
      guard try exists(records), try exists(checkpoint) else { throw damaged("records.log or checkpoint is missing") }
      return signer
    }
    return try create(origin: origin)
  }

  /// Begins again where an interrupted first start ended; refuses when there are records, which key.pub must prove.
  private func create(origin: NoteKeyName?) throws -> NoteSigner {
    if try exists(records), try AuditDescriptor(records, O_RDONLY).size() > UInt64(AuditFrame.fileHeader.count) {
      throw damaged("records.log holds records, but key.pub is missing")
    }
    let signer = NoteSigner(name: try origin ?? AuditDirectory.randomOrigin())
    try replace(key, with: signer.seed, mode: 0o600)
    try replace(records, with: AuditFrame.fileHeader, mode: 0o600)
    let empty = Checkpoint(origin: signer.verifier.name, size: 0, root: .emptyRoot)
    try replace(checkpoint, with: Array(try empty.signed(by: signer).encoded.utf8))
    try replace(publicKey, with: Array("\(signer.verifier)\n".utf8))
    return signer
  }

  /// C2SP tlog-checkpoint wants a name that no other log has.
  private static func randomOrigin() throws -> NoteKeyName {
    var random = SystemRandomNumberGenerator()
    let text = "lobstack.local/audit/" + String(random.next(), radix: 16)
    guard let name = NoteKeyName(text) else {
      throw Fault(
        .invalid, operation: "name the audit log", reason: "'\(text)' is no key name", remedy: "give an origin")
    }
    return name
  }

  func readVerifier() throws -> NoteVerifier {
    let text = String(decoding: try read(publicKey, limit: 1024), as: UTF8.self)
    guard text.hasSuffix("\n") else { throw damaged("key.pub does not end in a newline") }
    return try NoteVerifier(parsing: String(text.dropLast()))
  }

  /// The log's private key.
  func readSeed() throws -> [UInt8] { try read(key, limit: 32) }

  func readCheckpointBytes() throws -> [UInt8] { try read(checkpoint, limit: SignedNote.byteLimit) }

  func readCheckpoint(with verifier: NoteVerifier) throws -> Checkpoint {
    guard let note = String(validating: try readCheckpointBytes(), as: UTF8.self) else {
      throw damaged("checkpoint is not UTF-8")
    }
    return try Checkpoint(verifying: note, with: verifier)
  }

  /// Puts a file in place whole or not at all, and returns when it is on the disk.
  func replace(_ file: String, with bytes: [UInt8], mode: mode_t = 0o644) throws {
    let temporary = "\(file).new"
    do {
      let descriptor = try AuditDescriptor(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
      try descriptor.write(bytes, at: 0)
      try descriptor.synchronize()
      guard rename(temporary, file) == 0 else { throw AuditDescriptor.fault("rename", temporary) }
    } catch {
      unlink(temporary)
      throw error
    }
    try synchronize()
  }

  /// Returns when the names in the directory are on the disk.
  func synchronize() throws {
    let directory = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw AuditDescriptor.fault("open", path) }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw AuditDescriptor.fault("synchronize", path) }
  }

  /// - Returns: `nil` when there is no such file.
  func openLeaves() throws -> AuditLeaves? {
    do { return AuditLeaves(try AuditDescriptor(leaves, O_RDONLY)) } catch let fault as Fault
      where fault.code == .notFound
    { return nil }
  }

  /// - Throws: `Fault(.failed)` when the file is longer than `limit`.
  private func read(_ file: String, limit: Int) throws -> [UInt8] {
    let descriptor = try AuditDescriptor(file, O_RDONLY)
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    let count = try bytes.withUnsafeMutableBytes { try descriptor.read(into: $0, at: 0) }
    guard count <= limit else { throw damaged("\(file) is longer than \(limit) bytes") }
    return Array(bytes.prefix(count))
  }

  /// - Throws: `Fault(.unsupported)` for records in a form that came after this program.
  func requireKnownForm() throws {
    let descriptor = try AuditDescriptor(records, O_RDONLY)
    var header = [UInt8](repeating: 0, count: AuditFrame.fileHeader.count)
    let count = try header.withUnsafeMutableBytes { try descriptor.read(into: $0, at: 0) }
    guard let version = AuditFrame.version(ofHeader: header.prefix(count)), version > AuditFrame.version else { return }
    throw Fault(
      .unsupported, operation: "open the audit log in \(path)",
      reason: "a newer version of lobstack wrote it: its form is \(version), this program knows \(AuditFrame.version)",
      remedy: "run that version or a later one")
  }

  private func exists(_ file: String) throws -> Bool {
    var status = stat()
    if lstat(file, &status) == 0 { return true }
    if errno == ENOENT { return false }
    throw AuditDescriptor.fault("stat", file)
  }

  func damaged(_ reason: String) -> Fault {
    Fault(
      .failed, operation: "open the audit log in \(path)", reason: reason,
      remedy: "restore the directory from a backup, or move it away to begin a new log")
  }
}
