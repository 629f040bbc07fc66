import KubernetesAPI
import Synchronization
import Testing

@testable import Operator

@Suite("The queue of Agents to look at", .timeLimit(.minutes(1))) struct WorkQueueTests {
  @Test("hands out a key once, however often it was added before") func once() async {
    let queue = WorkQueue<String>()
    for _ in 0..<100 { queue.add("a") }
    queue.add("b")
    #expect(queue.depth == 2)
    let seen = await Seen.collect(2, queue) { _ in nil }
    #expect(seen.sorted() == ["a", "b"])
  }

  @Test("hands out what is urgent first, also what waits already, and each once") func urgent() async {
    let queue = WorkQueue<String>()
    for key in ["a", "b", "c", "d"] { queue.add(key) }
    queue.add("c", isUrgent: true)
    queue.add("e", isUrgent: true)
    queue.add("c")
    #expect(queue.depth == 5)
    let seen = await Seen.collect(5, queue, workers: 1) { _ in nil }
    #expect(seen == ["c", "e", "a", "b", "d"] && queue.depth == 0)
  }

  @Test("keeps nobody from his turn for one that is urgent again and again") func turns() async {
    let queue = WorkQueue<String>()
    queue.add("patient")
    queue.add("urgent", isUrgent: true)
    let seen = await Seen.collect(40, queue, workers: 1) { key in
      if key == "urgent" { queue.add(key, isUrgent: true) }
      return nil
    }
    #expect(seen.filter { $0 == "patient" }.count == 1)
  }

  @Test("hands out thousands in their order") func many() async {
    let queue = WorkQueue<String>()
    let keys = (0..<3000).map { "\($0)" }
    for key in keys { queue.add(key) }
    #expect(await Seen.collect(3000, queue, workers: 1) { _ in nil } == keys)
  }

  @Test("hands out a key again that was added while it was worked on, and never to two at once") func again() async {
    let queue = WorkQueue<String>()
    let working = Mutex((now: 0, most: 0))
    queue.add("a")
    let seen = await Seen.collect(5, queue, workers: 4) { _ in
      working.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
      queue.add("a")
      queue.add("a")
      await Task.yield()
      working.withLock { $0.now -= 1 }
      return nil
    }
    #expect(seen == ["a", "a", "a", "a", "a"])
    #expect(working.withLock { $0.most } == 1)
  }

  @Test("hands out a key again that failed, and one that is due") func later() async {
    struct Failure: Error {}
    let queue = WorkQueue<String>(pauses: BackOff(first: .milliseconds(1), longest: .milliseconds(2)))
    queue.add("fails")
    queue.add("delayed", after: .milliseconds(1))
    let seen = await Seen.collect(4, queue) { key in
      if key == "fails" { throw Failure() }
      return nil
    }
    #expect(seen.filter { $0 == "delayed" }.count == 1 && seen.filter { $0 == "fails" }.count == 3)
  }
}

/// Keys in the order in which they were handed out.
private final class Seen: Sendable {
  private let keys = Mutex<[String]>([])

  /// Runs a queue until so many keys were handed out.
  static func collect(
    _ count: Int, _ queue: WorkQueue<String>, workers: Int = 2,
    _ work: @escaping @Sendable (String) async throws -> Duration?
  ) async -> [String] {
    let seen = Seen()
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await queue.run(workers: workers) { key in
          let number = seen.keys.withLock {
            $0.append(key)
            return $0.count
          }
          guard number <= count else { return nil }
          defer { if number == count { end.yield() } }
          return try await work(key)
        }
      }
      for await _ in ends { break }
      group.cancelAll()
    }
    return Array(seen.keys.withLock { $0 }.prefix(count))
  }
}
