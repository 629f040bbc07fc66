import Faults
import Foundation

/// A backup to be opened.
package struct BackupFile: Sendable {
  package let path: String
  /// Secret: what age takes as an identity file.
  let identity: [UInt8]
  /// SHA-256 that the file has to have, hexadecimal.
  let sha256: String?

  package init(path: String, identity: [UInt8], sha256: String?) {
    self.path = path
    self.identity = identity
    self.sha256 = sha256?.lowercased()
  }

  /// Whoever knows a recipient can encrypt for it: that a file is one that the platform made, its digest shows.
  func requireDigest(progress: (String) -> Void) throws -> (sha256: String, size: Int) {
    progress("reading \(path)")
    let found = try digest(of: path)
    guard sha256 ?? found.sha256 == found.sha256 else {
      throw Fault(
        .denied, operation: "read \(path)", reason: "its SHA-256 is \(found.sha256), not the one that was given",
        remedy: "use a copy that has that digest, as the audit record 'backup.create' tells it")
    }
    return (found.sha256, found.size)
  }
}
