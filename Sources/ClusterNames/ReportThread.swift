import APIModel
import Dispatch
import Synchronization
import Threads

/// Tells of refused queries on a thread of its own, and in bounded room: whoever reads them slowly, or not at all, keeps
/// no name from being closed.
final class ReportThread: Sendable {
  /// Entries that wait at most: those of ten seconds.
  static let longest = DenialLog.longest * 10

  private let report: @Sendable (DenialResource) -> Void
  private let thread = ServiceThread(name: "denials")
  private let waiting = Mutex<[DenialResource]>([])
  /// Wakes the thread; ended by `stop()`.
  private let news = DispatchSemaphore(value: 0)

  init(report: @escaping @Sendable (DenialResource) -> Void) {
    self.report = report
    thread.start { [self] in
      while true {
        news.wait()
        guard thread.isRunning else { return }
        let entries = waiting.withLock { waiting in
          defer { waiting = [] }
          return waiting
        }
        for entry in entries where thread.isRunning { report(entry) }
      }
    }
  }

  /// - Returns: how many queries are not told of one by one, because there is no room.
  func add(_ entries: [DenialResource]) -> Int {
    let lost = waiting.withLock { waiting in
      let taken = entries.prefix(Self.longest - waiting.count)
      waiting += taken
      return entries.dropFirst(taken.count)
    }
    news.signal()
    return lost.reduce(0) { $0 + $1.count }
  }

  /// Does not wait for an entry that is being told.
  func stop() {
    thread.stop()
    news.signal()
  }
}
