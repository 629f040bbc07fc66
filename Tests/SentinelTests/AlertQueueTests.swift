import APIModel
import AgentModel
import Testing

@testable import Sentinel

@Suite("The queue of alerts", .timeLimit(.minutes(1))) struct AlertQueueTests {
  private func alerts(_ numbers: Range<Int>, container: String = "t.a", output: String = "text") -> [AlertResource] {
    numbers.map { AlertResource.stub("\($0)", container: container, output: output) }
  }

  /// Takes all that waits, report by report.
  private func drain(_ queue: AlertQueue) -> [[AlertResource]] {
    var batches: [[AlertResource]] = []
    while case let batch = queue.batch(), !batch.isEmpty {
      batches.append(batch)
      queue.removeBatch()
    }
    return batches
  }

  @Test("gives reports of two hundred alerts, oldest first") func order() {
    let queue = AlertQueue()
    #expect(queue.batch().isEmpty)
    queue.add(alerts(0..<250))
    queue.add(alerts(250..<450))
    let batches = drain(queue)
    #expect(batches.map(\.count) == [200, 200, 50])
    #expect(batches.flatMap { $0 }.map(\.id) == (0..<450).map { "\($0)" })
    #expect(queue.batch().isEmpty)
  }

  @Test("is raised by what is added") func raised() async {
    let queue = AlertQueue()
    queue.add([])
    queue.add(alerts(0..<1))
    // Without it the suite's time is over.
    var iterator = queue.raised.makeAsyncIterator()
    _ = await iterator.next()
    #expect(queue.batch().count == 1)
  }

  @Test("keeps a report until it was taken, and removes then what was in it and nothing else") func removal() {
    let queue = AlertQueue()
    queue.add(alerts(0..<250))
    #expect(queue.batch().count == 200)
    #expect(queue.batch().map(\.id) == (0..<200).map { "\($0)" })
    queue.add(alerts(250..<260))
    queue.removeBatch()
    // There is no report to remove.
    queue.removeBatch()
    #expect(queue.batch().map(\.id) == (200..<260).map { "\($0)" })
  }

  @Test("holds two thousand alerts of a sandbox, and counts those without room") func share() {
    let queue = AlertQueue()
    queue.add(alerts(0..<AlertQueue.longestOfOne + 7))
    queue.add(alerts(0..<3, container: "t.b"))
    #expect(queue.takeUntold() == ["t.a": 7])
    #expect(queue.takeUntold().isEmpty)
    let told = drain(queue).flatMap { $0 }
    #expect(told.count { $0.container == "t.a" } == 2_000)
    #expect(told.filter { $0.container == "t.a" }.map(\.id) == (0..<2_000).map { "\($0)" })
    #expect(told.count { $0.container == "t.b" } == 3)
  }

  @Test("holds ten thousand alerts altogether, and counts those without room") func whole() {
    let queue = AlertQueue()
    for sandbox in 0..<5 { queue.add(alerts(0..<AlertQueue.longestOfOne, container: "t.\(sandbox)")) }
    #expect(queue.takeUntold().isEmpty)
    queue.add(alerts(0..<4, container: "t.other"))
    #expect(queue.takeUntold() == ["t.other": 4])
    #expect(drain(queue).reduce(0) { $0 + $1.count } == 10_000)
  }

  @Test("has room again for a sandbox when some of its alerts were taken") func roomAgain() {
    let queue = AlertQueue()
    queue.add(alerts(0..<AlertQueue.longestOfOne))
    #expect(queue.batch().count == 200)
    queue.add(alerts(5_000..<5_005))
    #expect(queue.takeUntold() == ["t.a": 5])
    queue.removeBatch()
    queue.add(alerts(6_000..<6_201))
    #expect(queue.takeUntold() == ["t.a": 1])
    let told = drain(queue).flatMap { $0 }
    #expect(told.map(\.id) == ((200..<2_000).map { "\($0)" } + (6_000..<6_200).map { "\($0)" }))
  }

  @Test("gives smaller reports of large alerts, and at least one alert") func largeAlerts() {
    let queue = AlertQueue()
    queue.add(alerts(0..<10, output: String(repeating: "x", count: 100_000)))
    queue.add(alerts(10..<11, output: String(repeating: "x", count: 2 << 20)))
    queue.add(alerts(11..<13))
    let batches = drain(queue)
    #expect(batches.flatMap { $0 }.map(\.id) == (0..<13).map { "\($0)" })
    let sizes = batches.map { batch in batch.reduce(0) { $0 + $1.output.utf8.count } }
    #expect(batches.count > 3)
    for (batch, size) in zip(batches, sizes) where batch.count > 1 { #expect(size <= 512 << 10) }
    #expect(batches.contains { $0.map(\.id) == ["10"] })
  }

  @Test(
    "gives reports that the API takes, whatever an agent writes into them",
    arguments: ["x", "\"", "\u{1}", "é", "\u{2028}"]) func sizes(character: String) throws
  {
    let queue = AlertQueue()
    // As much as an alert may have of it.
    let output = String(repeating: character, count: 16_384 / character.utf8.count)
    let value = JSONValue.string(String(repeating: character, count: 4_096 / character.utf8.count))
    let fields = ["fd.name": value, "proc.cmdline": value, "proc.env": .list(Array(repeating: "\u{1}", count: 64))]
    queue.add((0..<50).map { AlertResource.stub("\($0)", output: output, fields: fields) })
    let batches = drain(queue)
    #expect(batches.reduce(0) { $0 + $1.count } == 50)
    for batch in batches {
      let body = try APIJSON.encode(AlertReport(items: batch))
      #expect(body.count <= APIProtocol.longestBody, "a report of \(batch.count) alerts")
    }
  }
}
