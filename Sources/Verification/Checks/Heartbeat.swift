import Files
import Foundation
import Glibc
import Synchronization

/// Watches, on the host's disk, how steadily the program in a sandbox gets to run.
final class Heartbeat: Sendable {
  private let path: String
  private let state = Mutex(State())

  private struct State {
    var longest = Duration.zero
    var beats = 0
    var stopped = false
  }

  init(of target: Target) { path = "\(target.workspace)/\(ProbeProgram.heartbeat)" }

  /// Bytes that the program has written so far; 0 when there is no such file.
  var size: Int { FileStatus(path)?.size ?? 0 }

  /// Whether there is one more beat: on a busy machine it may take a while.
  func beats(within limit: Duration = .seconds(3)) async throws -> Bool {
    let before = size
    let end = ContinuousClock.now + limit
    while size <= before {
      guard ContinuousClock.now < end else { return false }
      try await Task.sleep(for: .milliseconds(50))
    }
    return true
  }

  /// Watches on a thread of its own, which the load under test must not hold up more than it holds up the host.
  func start() { Thread.detachNewThread { self.watch() } }

  /// - Returns: The longest time without a beat, and how many beats there were.
  func stop() -> (longest: Duration, beats: Int) {
    state.withLock {
      $0.stopped = true
      return ($0.longest, $0.beats)
    }
  }

  private func watch() {
    var last = size
    var since = ContinuousClock.now
    while !state.withLock({ $0.stopped }) {
      usleep(10_000)
      let now = ContinuousClock.now
      let current = size
      state.withLock { $0.longest = max($0.longest, since.duration(to: now)) }
      guard current != last else { continue }
      last = current
      since = now
      state.withLock { $0.beats += 1 }
    }
  }
}
