import Faults
import Files
import Foundation
import Glibc

/// Reads a file that holds a key or a token.
///
/// - Returns: `nil` when it is not there.
/// - Throws: `Fault(.denied)` when others than its owner may read it.
func readOwnFile(_ path: String, owner: uid_t) throws -> Data? {
  let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
  guard file >= 0 else {
    if errno == ENOENT { return nil }
    throw Fault(.failed, operation: "read \(path)", reason: String(cString: strerror(errno)), remedy: "mend the file")
  }
  let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
  guard let status = FileStatus(descriptor: file), status.isRegular, status.owner == owner, status.mode & 0o077 == 0
  else {
    throw Fault(
      .denied, operation: "read \(path)", reason: "others than its owner, uid \(owner), may read it",
      remedy: "find out who read it; if nobody did, give it to uid \(owner) with mode 0600")
  }
  return try handle.read(upToCount: 4096) ?? Data()
}
