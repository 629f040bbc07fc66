import CLinux
import Faults
import Foundation
import Glibc

/// The list, on disk, of what a run has made, so that it can be taken away even when the run was killed.
///
/// Each thing is written down before it is made. The file stays locked as long as its run lives, so a file that can
/// be locked is the rest of a dead run.
package actor Ledger {
  private let path: String
  private let descriptor: Int32
  private var traces: [Trace]

  /// Makes the file, or takes over that of a dead run.
  ///
  /// - Returns: `nil` when a living run holds the file.
  package static func open(_ path: String) throws -> Ledger? {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0o600)
    guard descriptor >= 0 else { throw failure(path) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      return nil
    }
    // A last line that a crash cut short was not yet acted on.
    let lines = FileManager.default.contents(atPath: path)?.split(separator: UInt8(ascii: "\n")) ?? []
    return Ledger(path, descriptor, lines.compactMap { try? JSONDecoder().decode(Trace.self, from: $0) })
  }

  /// As `open`, but waits a second for a run that is on its way out: the kernel lets go of a killed process's locks
  /// last.
  static func takeOver(_ path: String) async throws -> Ledger? {
    for _ in 0..<10 {
      if let ledger = try open(path) { return ledger }
      try await Task.sleep(for: .milliseconds(100))
    }
    return nil
  }

  /// Of who makes nothing: it takes no entry.
  static let closed = Ledger("", -1, [])

  private init(_ path: String, _ descriptor: Int32, _ traces: [Trace]) {
    self.path = path
    self.descriptor = descriptor
    self.traces = traces
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Writes down what is about to be made.
  package func record(_ trace: Trace) throws {
    var line = try JSONEncoder().encode(trace)
    line.append(UInt8(ascii: "\n"))
    let count = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard count == line.count, fsync(descriptor) == 0 else { throw Self.failure(path) }
    traces.append(trace)
  }

  /// Takes everything away, last made first, however many of the steps fail; then removes the file.
  ///
  /// - Returns: What could not be taken away, with why. The file then stays for the next run.
  package func clear(with remove: @escaping @Sendable (Trace) async throws -> Void) async -> [String] {
    var failures: [String] = []
    var left: [Trace] = []
    // What lives goes first, all at once, because its end takes time and the rest is only its ground.
    for group in [traces.filter(\.isAlive)] + traces.reversed().filter({ !$0.isAlive }).map({ [$0] }) {
      await withTaskGroup(of: (Trace, String?).self) { tasks in
        for trace in group {
          tasks.addTask {
            do {
              try await remove(trace)
              return (trace, nil)
            } catch {
              return (trace, "\(error)")
            }
          }
        }
        for await case (let trace, let failure?) in tasks {
          failures.append(failure)
          left.append(trace)
        }
      }
    }
    traces = left.reversed()
    if left.isEmpty { unlink(path) }
    return failures
  }

  private static func failure(_ path: String) -> Fault {
    Fault(
      .failed, operation: "write \(path)", reason: String(cString: strerror(errno)),
      remedy: "free disk space or mend the file system")
  }
}
