import Faults
import Foundation
import Glibc

/// Writes `data` so that a crash leaves the old file or the new one, never a part.
///
/// - Parameters:
///   - mode: of the file, whatever the umask; it has it from its first moment under its name.
///   - owner: who owns it; `nil` for whoever writes it.
///   - group: who may read it beside its owner, when the mode says so.
/// - Throws: `Fault(.exhausted)` when the file cannot be written; what was there stays.
package func writeAtomically(_ data: Data, to path: String, mode: mode_t, owner: uid_t? = nil, group: gid_t? = nil)
  throws
{
  let partial = "\(path).new"
  func failure(_ what: String) -> Fault {
    let reason = "it cannot be \(what): \(String(cString: strerror(errno)))"
    unlink(partial)
    return Fault(
      .exhausted, operation: "write \(path)", reason: reason, remedy: "free disk space or mend the file system")
  }
  unlink(partial)
  let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
  guard descriptor >= 0 else { throw failure("made") }
  defer { close(descriptor) }
  let written = data.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
  guard written == data.count, fsync(descriptor) == 0 else { throw failure("written") }
  if owner != nil || group != nil, fchown(descriptor, owner ?? uid_t.max, group ?? gid_t.max) != 0 {
    throw failure("given to its owner")
  }
  guard fchmod(descriptor, mode) == 0, rename(partial, path) == 0 else { throw failure("put in place") }
}
