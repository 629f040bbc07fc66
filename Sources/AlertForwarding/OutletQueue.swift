import APIModel
import Faults
import Logging
import Synchronization

/// The alerts that wait for one outlet, and the loop that delivers them, in their order: what came while one delivery was
/// under way goes with the next, as far as the outlet takes several, and nothing waits for more to come.
final class OutletQueue: Sendable {
  /// Alerts that wait at most; what comes then is dropped and counted, so that an outlet that is away for long costs
  /// some tens of megabytes and no more.
  static let longest = 10_000

  private struct State {
    var waiting: [AlertResource] = []
    /// Of them, at the front, those that were delivered.
    var done = 0
    var dropped = 0

    var count: Int { waiting.count - done }

    mutating func removeFirst(_ count: Int) {
      done += min(count, self.count)
      // Now and then, so that each costs little.
      guard done == waiting.count || done > OutletQueue.longest / 2 else { return }
      waiting.removeFirst(done)
      done = 0
    }
  }

  let outlet: any Outlet
  private let retry: RetryDelays
  private let logger: Logger
  private let state = Mutex(State())
  private let news = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  init(_ outlet: any Outlet, retry: RetryDelays, logger: Logger) {
    self.outlet = outlet
    self.retry = retry
    self.logger = logger
  }

  /// Alerts that were not and will not be delivered.
  var dropped: Int { state.withLock { $0.dropped } }

  /// Alerts that are still to be delivered.
  var waiting: Int { state.withLock { $0.count } }

  func add(_ alert: AlertResource) {
    state.withLock { state in
      guard state.count < Self.longest else { return state.dropped += 1 }
      state.waiting.append(alert)
    }
    news.continuation.yield()
  }

  /// Delivers until the task is cancelled.
  func run() async {
    for await _ in news.stream {
      while waiting > 0, !Task.isCancelled { await deliver() }
    }
    await outlet.close()
  }

  private func first(_ most: Int) -> [AlertResource] {
    state.withLock { Array($0.waiting.dropFirst($0.done).prefix(most)) }
  }

  /// Tries until the first alerts are delivered, or will never be.
  private func deliver() async {
    var failures = 0
    var most = outlet.longestBatch
    while !Task.isCancelled {
      let alerts = first(most)
      do {
        let count = try await outlet.deliver(alerts)
        if failures > 0 { logger.info("Alerts are forwarded again", metadata: ["outlet": "\(outlet.name)"]) }
        return state.withLock { $0.removeFirst(count) }
      } catch let fault as Fault where fault.code == .invalid {
        // Which of them it is shows one by one.
        guard alerts.count == 1, let alert = alerts.first else {
          most = 1
          continue
        }
        logger.error("An alert is not forwarded", metadata: ["alert.id": "\(alert.id)", "error": "\(fault)"])
        return state.withLock {
          $0.removeFirst(1)
          $0.dropped += 1
        }
      } catch {
        guard !Task.isCancelled else { return }
        if failures == 0 {
          logger.warning("Alerts are not forwarded; they wait", metadata: ["error": "\(error)"])
        }
        failures += 1
        // Cancelled: the process ends.
        do { try await Task.sleep(for: retry.delay(afterFailures: failures)) } catch { return }
      }
    }
  }
}

/// How long to wait before another try: doubled with each failure.
struct RetryDelays: Hashable, Sendable {
  var first = Duration.seconds(1)
  var longest = Duration.seconds(60)

  func delay(afterFailures failures: Int) -> Duration { min(longest, first * (1 << min(max(failures - 1, 0), 16))) }
}
