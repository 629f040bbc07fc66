import ArgumentParser
import Faults
import Foundation
import Supervision

/// The backup that a command opens, and by what.
struct BackupOpening: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "File of the private key of a recipient, without a passphrase, as age-keygen makes it; '-' for standard input.",
      valueName: "file"), completion: .file())
  var identity: String

  @Option(help: ArgumentHelp("SHA-256 that the file must have, as 'lobstack backup' printed it.", valueName: "digest"))
  var sha256: String?

  @Argument(help: "File that 'lobstack backup' wrote.", completion: .file())
  var file: String

  private static let longestIdentity = 64 << 10

  func validate() throws {
    guard let sha256 else { return }
    guard sha256.utf8.count == 64, sha256.allSatisfy(\.isHexDigit) else {
      throw ValidationError("--sha256 is not 64 hexadecimal digits")
    }
  }

  func backup() async throws -> BackupFile {
    let bytes =
      identity == "-"
      ? try await readInput(atMost: Self.longestIdentity)
      : Array(
        try NamedFile.bytes(identity, longest: Self.longestIdentity) {
          try FileHandle(forReadingFrom: URL(filePath: identity))
        })
    guard bytes.count <= Self.longestIdentity, !bytes.isEmpty else {
      throw Fault(
        .invalid, operation: "read the identity", reason: "it is empty, or longer than 64 KiB",
        remedy: "give a private key, as age-keygen makes it")
    }
    return BackupFile(
      path: URL(filePath: file).standardizedFileURL.resolvingSymlinksInPath().path, identity: bytes, sha256: sha256)
  }
}
