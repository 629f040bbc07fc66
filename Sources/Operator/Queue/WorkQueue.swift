import KubernetesAPI
import Synchronization

/// Keys of what has to be looked at: each is in it once, none is worked on twice at the same time, and one that is added
/// while it is worked on comes again.
///
/// Its size is bounded by the number of keys that there are.
final class WorkQueue<Key: Hashable & Sendable>: Sendable {
  private struct State {
    var waiting: Set<Key> = []
    var worked: Set<Key> = []
    var again: Set<Key> = []
    /// By when they are due, soonest last.
    var delayed: [(due: ContinuousClock.Instant, key: Key)] = []
    /// Of those that failed the last time.
    var pauses: [Key: BackOff] = [:]
  }

  private let state = Mutex(State())
  private let stream: AsyncStream<Key>
  private let continuation: AsyncStream<Key>.Continuation
  private let pauses: BackOff

  /// - Parameter pauses: how long a key waits that failed.
  init(pauses: BackOff = BackOff(first: .milliseconds(500), longest: .seconds(150))) {
    self.pauses = pauses
    (stream, continuation) = AsyncStream.makeStream()
  }

  /// How many wait, those that are delayed apart.
  var depth: Int { state.withLock { $0.waiting.count } }

  func add(_ key: Key) {
    state.withLock { state in
      if state.worked.contains(key) {
        state.again.insert(key)
      } else if state.waiting.insert(key).inserted {
        continuation.yield(key)
      }
    }
  }

  func add(_ key: Key, after delay: Duration) {
    guard delay > .zero else { return add(key) }
    let due = ContinuousClock.now + delay
    state.withLock { state in
      if let index = state.delayed.firstIndex(where: { $0.key == key }) {
        // The sooner of two.
        guard state.delayed[index].due > due else { return }
        state.delayed.remove(at: index)
      }
      var (low, high) = (0, state.delayed.count)
      while low < high {
        let middle = (low + high) / 2
        if state.delayed[middle].due > due { low = middle + 1 } else { high = middle }
      }
      state.delayed.insert((due, key), at: low)
    }
  }

  /// Hands out keys until the calling task is cancelled, to so many at once.
  ///
  /// - Parameter work: returns when the key is to be looked at again, if at all; what it throws has it come again later
  ///   and later.
  func run(workers: Int, _ work: @escaping @Sendable (Key) async throws -> Duration?) async {
    await withTaskGroup(of: Void.self) { group in
      // Cancelled with the group.
      group.addTask { await self.bringDelayed() }
      var free = workers
      for await key in stream {
        if free == 0 { await group.next() } else { free -= 1 }
        group.addTask { await self.work(on: key, work) }
      }
      group.cancelAll()
    }
  }

  private func work(on key: Key, _ work: @Sendable (Key) async throws -> Duration?) async {
    state.withLock { state in
      state.waiting.remove(key)
      state.worked.insert(key)
    }
    var next: Duration?
    do {
      next = try await work(key)
      state.withLock { $0.pauses[key] = nil }
    } catch is CancellationError {
      // The task ends; the next leader looks at everything.
    } catch {
      next = state.withLock { $0.pauses[key, default: pauses].pause(jitter: .random(in: 0...1)) }
    }
    let comesAgain = state.withLock { state in
      state.worked.remove(key)
      return state.again.remove(key) != nil
    }
    if comesAgain { add(key) } else if let next { add(key, after: next) }
  }

  /// Looks ten times a second, so that what is due is late by that at most.
  private func bringDelayed() async {
    while !Task.isCancelled {
      // Cancelled while it waits, the loop ends.
      try? await Task.sleep(for: .milliseconds(100))
      let now = ContinuousClock.now
      let due = state.withLock { state in
        var due: [Key] = []
        while let last = state.delayed.last, last.due <= now {
          due.append(last.key)
          state.delayed.removeLast()
        }
        return due
      }
      for key in due { add(key) }
    }
  }
}
