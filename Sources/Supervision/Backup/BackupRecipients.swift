import ChildProcess
import Crypto
import Faults
import Foundation

/// Whose private keys open a backup: age's recipients (age1… and SSH public keys), a line each.
package struct BackupRecipients: Hashable, Sendable {
  private let lines: [String]

  private static let longest = 64 << 10

  /// - Parameters:
  ///   - named: recipients.
  ///   - files: the texts of recipients' files; empty lines, and those that begin with '#', say nothing.
  /// - Throws: `Fault(.invalid)` for none at all, and for one that would be more than its line.
  package init(_ named: [String], files: [String]) throws {
    lines =
      named
      + files.flatMap { $0.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) } }
      .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    guard !lines.isEmpty else {
      throw Self.invalid(
        "no recipient is named", remedy: "give --recipient or --recipients-file with age's public keys")
    }
    for line in lines where line.isEmpty || line.contains(where: \.isNewline) || line.hasPrefix("#") {
      throw Self.invalid("'\(line.prefix(80))' is no recipient", remedy: "give a public key, as age-keygen prints it")
    }
    guard lines.count <= 64, text.utf8.count <= Self.longest else {
      throw Self.invalid("they are more than 64, or longer than 64 KiB", remedy: "name fewer")
    }
  }

  /// What age reads.
  var text: String { lines.joined(separator: "\n") + "\n" }

  /// An age key is its own fingerprint; one of SSH has the fingerprint that ssh-keygen shows.
  package var fingerprints: [String] {
    lines.map { line in
      let words = line.split(separator: " ")
      guard words.count >= 2, let blob = Data(base64Encoded: String(words[1])) else { return String(line.prefix(256)) }
      let digest = Data(SHA256.hash(data: blob)).base64EncodedString().prefix { $0 != "=" }
      return String("\(words[0]) SHA256:\(digest)".prefix(256))
    }
  }

  /// Has age read them, before anything is done.
  ///
  /// - Throws: `Fault(.invalid)` with what age says; `Fault(.notFound)` without age.
  func check() async throws {
    let result = try await Age.command(lines.flatMap { ["--recipient", $0] }).run(timeout: .seconds(10))
    guard result.status != .exited(0) else { return }
    throw Self.invalid(Age.message(result.standardError), remedy: "give public keys, as age-keygen prints them")
  }

  private static func invalid(_ reason: String, remedy: String) -> Fault {
    Fault(.invalid, operation: "read the recipients", reason: reason, remedy: remedy)
  }
}
