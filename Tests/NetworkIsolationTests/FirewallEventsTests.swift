import NetworkIsolation
import SeededRandom
import Testing

@Suite("Events of the firewall", .timeLimit(.minutes(1))) struct FirewallEventsTests {
  @Test(
    "tell at once what changes the table",
    .enabled(if: rootTests),
    arguments: [
      Tampering.ruleDeleted, .ruleAdded, .chainFlushed, .tableDormant, .tableDeleted, .policyChanged,
    ])
  func tell(_ tampering: Tampering) async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let (changes, change) = AsyncStream.makeStream(of: Void.self)
      let events = try instance.isolation.events()
      events.start { change.yield() }
      defer { events.stop() }
      try await tampering.commit(instance, network)
      var iterator = changes.makeAsyncIterator()
      #expect(await iterator.next() != nil)
    }
  }

  @Test("are none when an agent comes or goes, or for another's table", .enabled(if: rootTests)) func silent()
    async throws
  {
    try await TestInstance.with { instance in
      let (changes, change) = AsyncStream.makeStream(of: Void.self)
      let events = try instance.isolation.events()
      events.start { change.yield() }
      let network = try await instance.attach(0)
      try await instance.isolation.detach(network)
      try await TestInstance.with { other in try await other.nft("insert rule \(other.table) source accept") }
      events.stop()
      // The thread has one wait left to read what came before.
      try await Task.sleep(for: .milliseconds(400))
      change.finish()
      var count = 0
      for await _ in changes { count += 1 }
      #expect(count == 0)
    }
  }

  private static let deletion: [UInt8] = [
    32, 0, 0, 0, 2, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 1, 0, 0x6d, 0x69, 0x6e, 0x65, 0, 0, 0, 0,
  ]

  @Test("are read from any number of messages, by the table's name") func parses() {
    let mine = Self.deletion
    var other = mine
    other[24] = 0x70
    var elements = mine
    elements[4] = 14
    #expect(concernsTable(mine[...], "mine"))
    #expect(!concernsTable(other[...], "mine"))
    #expect(!concernsTable(elements[...], "mine"))
    #expect(concernsTable((other + elements + mine)[...], "mine"))
    #expect(!concernsTable([], "mine"))
  }

  @Test("are read from whatever bytes come, without harm") func hostile() {
    var random = SplitMix64(seed: 7)
    for _ in 0..<20_000 {
      var bytes = Self.deletion + Self.deletion
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
      _ = concernsTable(bytes[...], "mine")
    }
  }
}
