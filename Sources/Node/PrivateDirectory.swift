import Faults
import Foundation

/// Makes a directory, and those above it, for root alone; done when it is there.
///
/// - Throws: `Fault(.exhausted)`.
func makePrivateDirectory(_ path: String) throws {
  do {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  } catch {
    throw Fault(
      .exhausted, operation: "create \(path)", reason: "the directory cannot be made",
      remedy: "free disk space or mend the file system", cause: error)
  }
}
