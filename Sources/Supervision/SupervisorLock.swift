import AgentModel
import Files
import Glibc

/// The lock that one supervisor of an instance holds as long as it lives.
enum SupervisorLock {
  /// - Returns: `nil` when another supervisor holds the lock.
  /// - Throws: `Fault` when the file cannot be opened or written.
  static func take(_ layout: InstanceLayout) throws -> FileLock? { try take(layout.lockFile) }

  /// As for an instance, of whatever has one supervisor.
  static func take(_ file: String) throws -> FileLock? { try FileLock.take(file, note: "\(getpid())") }

  /// The process id of the supervisor that runs now; `nil` when none does.
  ///
  /// The lock tells whether one lives, and only a living holder can have written the id; the program's name guards
  /// against a holder that is something else.
  static func holder(_ layout: InstanceLayout) -> pid_t? {
    guard let process = FileLock.note(ofHolderOf: layout.lockFile).flatMap({ pid_t($0) }), process > 1,
      InstanceProcesses.programName(process)?.hasPrefix("lobstack") == true
    else { return nil }
    return process
  }
}
