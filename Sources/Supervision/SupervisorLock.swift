import AgentModel
import Faults
import Foundation
import Glibc

/// The lock that one supervisor of an instance holds as long as it lives; the kernel lets go of it at its death.
final class SupervisorLock: Sendable {
  private let descriptor: Int32

  /// - Returns: `nil` when another supervisor holds the lock.
  /// - Throws: `Fault(.failed)` when the file cannot be opened.
  static func take(_ layout: InstanceLayout) throws -> SupervisorLock? { try take(layout.lockFile) }

  /// As for an instance, of whatever has one supervisor.
  static func take(_ file: String) throws -> SupervisorLock? {
    let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw Fault(
        .failed, operation: "open \(file)", reason: String(cString: strerror(errno)),
        remedy: "run as root, or mend the state directory")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      return nil
    }
    let text = Array("\(getpid())\n".utf8)
    guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
      close(descriptor)
      throw Fault(
        .exhausted, operation: "write \(file)", reason: String(cString: strerror(errno)),
        remedy: "free disk space")
    }
    return SupervisorLock(descriptor: descriptor)
  }

  /// The process id of the supervisor that runs now; `nil` when none does.
  ///
  /// The lock tells whether one lives, and only a living holder can have written the id; the program's name guards
  /// against a holder that is something else.
  static func holder(_ layout: InstanceLayout) -> pid_t? {
    let descriptor = open(layout.lockFile, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_SH | LOCK_NB) != 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0,
      let process = pid_t(
        String(decoding: bytes[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)),
      process > 1, InstanceProcesses.programName(process)?.hasPrefix("lobstack") == true
    else { return nil }
    return process
  }

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }
}
