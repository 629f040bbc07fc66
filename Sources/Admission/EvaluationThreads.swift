import Dispatch
import Foundation
import Synchronization

/// Threads on which policies are read and asked: neither may hold up those on which a program answers. One processor is
/// left to these.
package final class EvaluationThreads: Sendable {
  /// More wait than may: the caller is to try again later.
  package struct Busy: Error {}

  private struct State {
    var jobs: [@Sendable () -> Void] = []
    var isClosed = false
  }

  /// What the threads hold on to, so that they end with their owner.
  private final class Queue: Sendable {
    let state = Mutex(State())
    let signal = DispatchSemaphore(value: 0)
  }

  private static let stackSize = 4 << 20

  private let queue = Queue()
  private let mostWaiting: Int
  private let count: Int

  package init(mostWaiting: Int = 128) {
    self.mostWaiting = mostWaiting
    count = max(1, ProcessInfo.processInfo.activeProcessorCount - 1)
    for _ in 0..<count {
      let thread = Thread { [queue] in
        while true {
          queue.signal.wait()
          let job = queue.state.withLock { state -> (@Sendable () -> Void)? in
            state.jobs.isEmpty ? nil : state.jobs.removeFirst()
          }
          if let job { job() } else if queue.state.withLock({ $0.isClosed }) { return }
        }
      }
      thread.name = "admission"
      thread.stackSize = Self.stackSize
      thread.start()
    }
  }

  deinit {
    queue.state.withLock { $0.isClosed = true }
    for _ in 0..<count { queue.signal.signal() }
  }

  /// Runs `body` on one of the threads, when one is free.
  ///
  /// - Throws: `Busy`, or what `body` throws.
  package func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      let isTaken = queue.state.withLock { state in
        guard state.jobs.count < mostWaiting else { return false }
        state.jobs.append { continuation.resume(with: Swift.Result(catching: body)) }
        return true
      }
      if isTaken { queue.signal.signal() } else { continuation.resume(throwing: Busy()) }
    }
  }
}
