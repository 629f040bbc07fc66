import Foundation
import Synchronization

/// A thread of a service's own, for calls that block: started once, and told to stop.
package final class ServiceThread: Sendable {
  private enum State { case open, running, stopped }

  private let name: String
  private let state = Mutex(State.open)

  package init(name: String) { self.name = name }

  /// Whether the body shall go on; to be asked between two of its waits.
  package var isRunning: Bool { state.withLock { $0 == .running } }

  /// Runs the body on the thread, and what it captures lives as long: call `stop()`. Nothing happens the second time,
  /// or after `stop()`.
  package func start(_ body: @escaping @Sendable () -> Void) {
    let isFirst = state.withLock { state in
      guard state == .open else { return false }
      state = .running
      return true
    }
    guard isFirst else { return }
    let thread = Thread(block: body)
    thread.name = name
    thread.start()
  }

  package func stop() { state.withLock { $0 = .stopped } }
}
