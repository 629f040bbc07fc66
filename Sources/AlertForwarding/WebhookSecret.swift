import Crypto
import Faults
import Files
import Foundation
import Glibc
import TextEncodings

/// The secret that a webhook's requests are signed with.
struct WebhookSecret: Sendable, CustomStringConvertible, CustomReflectable {
  /// Shorter ones can be guessed, in bytes.
  private static let shortest = 16
  private static let longest = 4_096

  private let key: SymmetricKey

  /// - Throws: `Fault(.invalid)` for less than 16 bytes.
  init(_ bytes: [UInt8], source: String) throws {
    guard (Self.shortest...Self.longest).contains(bytes.count) else {
      throw Fault(
        .invalid, operation: "read \(source)",
        reason: "the secret has \(bytes.count) bytes, not \(Self.shortest) to \(Self.longest)",
        remedy: "make one with 'openssl rand -hex 32'")
    }
    key = SymmetricKey(data: bytes)
  }

  /// - Parameter path: of the secret; a line break at its end is left out.
  /// - Throws: `Fault(.denied)` for a file that others may read, `.notFound` for one that this user may not.
  init(file path: String) throws {
    guard let status = FileStatus(following: path), status.isRegular,
      let data = FileManager.default.contents(atPath: path)
    else {
      throw Fault(
        .notFound, operation: "read \(path)", reason: "user id \(geteuid()) cannot read the file",
        remedy: "let it belong to user lobstack with mode 0400, in a directory that this user may pass")
    }
    guard status.mode & 0o007 == 0 else {
      throw Fault(
        .denied, operation: "read \(path)",
        reason: "everybody may use the file: its mode is \(String(status.mode, radix: 8))",
        remedy: "run 'chmod 0400 \(path)'")
    }
    var bytes = [UInt8](data)
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    try self.init(bytes, source: path)
  }

  /// `sha256=` and the HMAC-SHA256 of the body, hexadecimal.
  func signature(of body: [UInt8]) -> String {
    "sha256=" + Hexadecimal.encode(HMAC<SHA256>.authenticationCode(for: body, using: key))
  }

  var description: String { "[webhook secret]" }
  var customMirror: Mirror { Mirror(self, children: []) }
}
