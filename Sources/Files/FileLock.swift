import Faults
import Foundation
import Glibc

/// A lock on a file, held as long as this lives; the kernel lets go of it at its holder's death.
package final class FileLock: Sendable {
  /// Longest note that is read, in bytes.
  private static let longest = 4096

  private let descriptor: Int32

  /// Takes the lock, and leaves a note of who has it in the file.
  ///
  /// - Parameter mode: of the file: whoever may read it may hold the lock.
  /// - Returns: `nil` when another holds it.
  /// - Throws: `Fault(.failed)` when the file cannot be opened, `Fault(.exhausted)` when the note cannot be written.
  package static func take(_ path: String, note: String, mode: mode_t = 0o644) throws -> FileLock? {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw Fault(
        .failed, operation: "open \(path)", reason: String(cString: strerror(errno)),
        remedy: "run as root, or mend the state directory")
    }
    guard isTaken(descriptor) else {
      close(descriptor)
      return nil
    }
    let text = Array("\(note)\n".utf8)
    guard fchmod(descriptor, mode) == 0, ftruncate(descriptor, 0) == 0,
      pwrite(descriptor, text, text.count, 0) == text.count
    else {
      let reason = String(cString: strerror(errno))
      close(descriptor)
      throw Fault(.exhausted, operation: "write \(path)", reason: reason, remedy: "free disk space")
    }
    return FileLock(descriptor: descriptor)
  }

  /// Whoever asks for the note has the lock shared while he looks, which makes him no holder: he is waited for, a second at
  /// most, because anybody who may read the file could go on looking.
  private static func isTaken(_ descriptor: Int32) -> Bool {
    for _ in 0..<1_000 {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
      guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return false }
      flock(descriptor, LOCK_UN)
      usleep(1_000)
    }
    return false
  }

  /// The note of who holds the lock now, without its line end; `nil` when nobody does.
  ///
  /// It is empty for a moment after the lock was taken.
  package static func note(ofHolderOf path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_SH | LOCK_NB) != 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: longest)
    let count = max(0, pread(descriptor, &bytes, bytes.count, 0))
    return String(decoding: bytes[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }
}
