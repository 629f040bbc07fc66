import KubernetesAPI
import Synchronization

/// Keys of what has to be looked at: each is in it once, none is worked on twice at the same time, and one that is added
/// while it is worked on comes again. What is urgent goes before what is not, in the order in which it came.
///
/// Its size is bounded by twice the number of keys that there are.
final class WorkQueue<Key: Hashable & Sendable>: Sendable {
  private struct State {
    /// Those that wait, and whether they are urgent.
    var waiting: [Key: Bool] = [:]
    var urgent = Line<Key>()
    /// One that has become urgent is still in this line, too, and passed over.
    var others = Line<Key>()
    var worked: Set<Key> = []
    var again: [Key: Bool] = [:]
    /// By when they are due, soonest last.
    var delayed: [(due: ContinuousClock.Instant, key: Key)] = []
    /// Of those that failed the last time.
    var pauses: [Key: BackOff] = [:]

    /// How many urgent ones in a row were taken.
    var row = 0

    /// The next to be worked on, from when on it does not wait.
    mutating func take() -> Key? {
      // Whoever has the same few urgent again and again keeps nobody from his turn.
      row = row < WorkQueue.longestRow ? row + 1 : 0
      if row == 0, let key = takeOther() { return key }
      while let key = urgent.next() { if waiting[key] == true { return begin(key) } }
      return takeOther()
    }

    private mutating func takeOther() -> Key? {
      while let key = others.next() { if waiting[key] == false { return begin(key) } }
      return nil
    }

    private mutating func begin(_ key: Key) -> Key {
      waiting[key] = nil
      worked.insert(key)
      return key
    }
  }

  private static var longestRow: Int { 16 }

  private let state = Mutex(State())
  /// One for each that waits.
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation
  private let pauses: BackOff

  /// - Parameter pauses: how long a key waits that failed.
  init(pauses: BackOff = BackOff(first: .milliseconds(500), longest: .seconds(150))) {
    self.pauses = pauses
    (stream, continuation) = AsyncStream.makeStream()
  }

  /// How many wait, those that are delayed apart.
  var depth: Int { state.withLock { $0.waiting.count } }

  func add(_ key: Key, isUrgent: Bool = false) {
    state.withLock { state in
      if state.worked.contains(key) {
        state.again[key] = isUrgent || state.again[key] == true
        return
      }
      let known = state.waiting[key]
      guard known == nil || (isUrgent && known == false) else { return }
      state.waiting[key] = isUrgent
      if isUrgent { state.urgent.add(key) } else { state.others.add(key) }
      if known == nil { continuation.yield() }
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
      for await _ in stream {
        if free == 0 { await group.next() } else { free -= 1 }
        // Only now: what has become urgent meanwhile goes first.
        guard let key = state.withLock({ $0.take() }) else { continue }
        group.addTask { await self.work(on: key, work) }
      }
      group.cancelAll()
    }
  }

  private func work(on key: Key, _ work: @Sendable (Key) async throws -> Duration?) async {
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
      return state.again.removeValue(forKey: key)
    }
    if let comesAgain { add(key, isUrgent: comesAgain) } else if let next { add(key, after: next) }
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

/// A line that is left in the order in which it was joined, each in it once.
private struct Line<Element: Hashable & Sendable>: Sendable {
  private var elements: [Element] = []
  private var members: Set<Element> = []
  private var start = 0

  mutating func add(_ element: Element) {
    if members.insert(element).inserted { elements.append(element) }
  }

  mutating func next() -> Element? {
    guard start < elements.count else { return nil }
    defer {
      start += 1
      // Half of it is over: what is moved then was joined since, so that each is moved once or twice.
      if start * 2 >= elements.count {
        elements.removeFirst(start)
        start = 0
      }
    }
    members.remove(elements[start])
    return elements[start]
  }
}
