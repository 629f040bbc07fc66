import AgentModel
import ChildProcess
import Faults
import Files
import Foundation
import Glibc

/// age (age-encryption.org), which encrypts backups and opens them.
enum Age {
  static func command(_ arguments: [String]) throws -> Command {
    guard Command.locate("age") != nil else {
      throw Fault(
        .notFound, operation: "run age", reason: "there is no such program",
        remedy: "run scripts/setup, or: apt install age")
    }
    // A core of it would hold keys.
    return Command("prlimit", ["--core=0", "age"] + arguments)
  }

  /// Its own words, in one line.
  static func message(_ output: String) -> String {
    let line = output.split(separator: "\n").first { $0.hasPrefix("age: error: ") }
    return line.map { String($0.dropFirst("age: error: ".count).prefix(300)) } ?? "age refuses"
  }
}

/// A backup as a file: what tar writes, encrypted by age. Nothing is compressed, so that what is unpacked never takes
/// more of a disk than the file itself.
struct BackupArchive: Sendable {
  /// Longest that one may take to be written or read.
  private static let patience = Duration.seconds(24 * 3600)

  let path: String

  /// Writes the files to a descriptor.
  ///
  /// - Parameters:
  ///   - list: a file with their paths below `root`, a NUL behind each.
  ///   - prefix: a directory of `root` that the archive does not name.
  static func pack(list: String, root: String, dropping prefix: String, for recipients: String, to output: Int32)
    async throws
  {
    let tar = Command(
      "tar",
      [
        "--create", "--file=-", "--format=posix", "--sparse", "--no-recursion", "--owner=0", "--group=0",
        "--numeric-owner", "--directory=\(root)", "--transform=flags=r;s,^\(prefix)/,,", "--null",
        "--verbatim-files-from", "--files-from=\(list)",
      ])
    let age = try Age.command(["--encrypt", "--recipients-file", recipients])
    try await Pipeline(tar, into: age).check(output: output, timeout: patience)
  }

  /// Unpacks into `directory`, root's and empty, as a user who may write there and nowhere else: whatever an archive
  /// holds, it makes no devices, owns nothing of anybody and leaves that directory by no link.
  ///
  /// - Parameter identity: secret; what age takes as an identity file.
  /// - Throws: `Fault(.denied)` when the identity does not open it; `Fault(.invalid)` for what is no backup, or was
  ///   changed or cut off; `Fault(.exhausted)` when the disk is full.
  func unpack(into directory: String, identity: [UInt8]) async throws {
    let user = try Account(named: InstanceLayout.User.images)
    try Preparation.makeDirectory(directory, mode: 0o700, owner: user)
    let age = try Age.command(["--decrypt", "--identity", "-", path])
    let tar = Command(
      "prlimit",
      ["--core=0", "setpriv"] + Platform.unprivileged(InstanceLayout.User.images) + [
        "tar", "--extract", "--file=-", "--no-same-owner", "--no-same-permissions", "--keep-old-files",
      ], directory: directory)
    do {
      try await Pipeline(age, into: tar).check(input: identity, timeout: Self.patience)
    } catch let fault as Fault where fault.code == .failed {
      throw explained(fault)
    }
    // From here on it is root's alone.
    try Preparation.makeDirectory(directory, mode: 0o700)
  }

  private func explained(_ fault: Fault) -> Fault {
    let reason = fault.reason.lowercased()
    if reason.contains("no identity matched") {
      return Fault(
        .denied, operation: "open \(path)", reason: "it was not encrypted for this identity",
        remedy: "give the private key of one of its recipients with --identity")
    }
    if reason.contains("no space left") {
      return Fault(
        .exhausted, operation: "unpack \(path)", reason: "the disk is full", remedy: "free disk space", cause: fault)
    }
    if reason.contains("identity") {
      return Fault(
        .invalid, operation: "read the identity",
        reason: Age.message(fault.reason.replacingOccurrences(of: "; ", with: "\n")),
        remedy: "give a private key without a passphrase, as age-keygen makes it", cause: fault)
    }
    return Fault(
      .invalid, operation: "read \(path)", reason: "it is no backup, or it was changed or cut off",
      remedy: "compare its SHA-256 with what 'lobstack backup' printed, and use another copy", cause: fault)
  }
}
