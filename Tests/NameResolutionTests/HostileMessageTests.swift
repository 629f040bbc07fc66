import NameResolution
import SeededRandom
import Testing

@Suite("A hostile message") struct HostileMessageTests {
  private let fixture: Fixture

  init() throws { fixture = try Fixture() }

  /// Whatever the resolver says to it holds for every message.
  private func check(_ message: [UInt8]) throws {
    let reply = fixture.resolver.reply(to: message[...], from: fixture.agent, isHost: false)
    if let verdict = reply.verdict {
      #expect(verdict.name.unicodeScalars.allSatisfy { (0x21...0x7e).contains($0.value) || $0 == "…" })
      #expect(verdict.name.count <= 256 && verdict.type.count <= 16)
    }
    let isAnswer = message.count > 2 && message[2] & 0x80 != 0
    guard let bytes = reply.message else {
      #expect(message.count < 12 || isAnswer)
      #expect(reply.outcome == .malformed)
      return
    }
    #expect(message.count >= 12 && !isAnswer)
    #expect(bytes.count <= Resolver.longestAnswer && Resolver.longestAnswer <= 512)
    let answer = try #require(TestAnswer(bytes))
    #expect(answer.isAnswer && !answer.isCut)
    #expect(Array(bytes.prefix(2)) == Array(message.prefix(2)))
    if !answer.question.isEmpty {
      #expect(answer.question == Array(message.dropFirst(12).prefix(answer.question.count)))
    } else {
      #expect(bytes.count == 12 && [1, 4].contains(answer.code))
    }
    #expect(bytes.count <= message.count + 76)
  }

  @Test("made at random is answered within bounds or not at all", .timeLimit(.minutes(2))) func random() throws {
    var generator = SplitMix64(seed: 1)
    for _ in 0..<20_000 {
      let length = Int.random(in: 0...600, using: &generator)
      var message = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
      try check(message)
      // Again as something that looks like a query for longer.
      guard length > 16 else { continue }
      message.replaceSubrange(2..<12, with: [1, 0, 0, 1, 0, 0, 0, 0, 0, UInt8.random(in: 0...1, using: &generator)])
      message[12] = UInt8.random(in: 0...5, using: &generator)
      try check(message)
    }
  }

  @Test("made of a good one by changes is answered within bounds or not at all", .timeLimit(.minutes(2)))
  func mutated() throws {
    var generator = SplitMix64(seed: 2)
    let seeds = [
      TestQuery("api.example.com").bytes, TestQuery("a.example.org", type: 28).withEDNS().bytes,
      TestQuery("version.server", type: 16, recordClass: 3).bytes,
      TestQuery("x.y.z.evil.example.net", type: 255).withEDNS(
        options: big(12) + big(40) + [UInt8](repeating: 0, count: 40)
      )
      .bytes,
      TestQuery(String(repeating: "abcdefg.", count: 31) + "abcd").withEDNS(version: 3).bytes,
    ]
    for round in 0..<40_000 {
      var message = seeds[round % seeds.count]
      for _ in 0...Int.random(in: 0...3, using: &generator) {
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: message = Array(message.prefix(Int.random(in: 0...message.count, using: &generator)))
        case 1: message.append(UInt8.random(in: 0...255, using: &generator))
        case 2 where !message.isEmpty:
          message.insert(
            UInt8.random(in: 0...255, using: &generator), at: Int.random(in: 0..<message.count, using: &generator))
        case 3 where !message.isEmpty: message.remove(at: Int.random(in: 0..<message.count, using: &generator))
        default:
          guard !message.isEmpty else { continue }
          message[Int.random(in: 0..<message.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
      }
      try check(message)
    }
  }

  @Test("is malformed, told by FORMERR") func malformed() throws {
    let good = TestQuery("api.example.com")
    var broken: [TestQuery] = []
    func add(_ change: (inout TestQuery) -> Void) {
      var query = good
      change(&query)
      broken.append(query)
    }
    add { $0.counts[0] = 0 }
    add {
      $0.counts[0] = 2; $0.rest = $0.question
    }
    add { $0.counts[1] = 1 }
    add { $0.counts[2] = 1 }
    add { $0.counts[3] = 1 }
    add { $0.counts = [65535, 65535, 65535, 65535] }
    add { $0.rest = [0] }  // something behind the end
    add { $0.name = [0xc0, 12] }  // compressed, to itself
    add { $0.name = [3] + "api".utf8 + [0xc0, 12] }
    add { $0.name = [0x40, 1, 2] }
    add { $0.name = [64] + [UInt8](repeating: 0x61, count: 64) + [0] }
    add { $0.name = Array(repeating: [63] + [UInt8](repeating: 0x61, count: 63), count: 4).flatMap(\.self) + [0] }
    add { $0.name = [5, 0x61] }
    add { $0.type = 0 }
    add { $0.type = 41 }
    broken.append(good.withEDNS(options: [0, 12, 0, 5, 0]))
    broken.append(good.withEDNS(options: [0, 12, 0]))
    add {
      $0 = $0.withEDNS(); $0.rest[0] = 1
    }
    add {
      $0 = $0.withEDNS(); $0.rest[2] = 250
    }  // a signature
    add {
      $0 = $0.withEDNS(); $0.rest[10] = 1
    }
    add {
      $0 = $0.withEDNS(); $0.counts[3] = 2; $0.rest += $0.rest
    }
    broken.append(good.withEDNS(options: big(12) + big(5000) + [UInt8](repeating: 0, count: 5000)))
    for (number, query) in broken.enumerated() {
      let reply = fixture.reply(query)
      #expect(reply.outcome == .malformed, "case \(number)")
      let answer = try #require(reply.message.flatMap(TestAnswer.init), "case \(number)")
      #expect(answer.code == 1 && answer.id == 0x1234 && answer.question.isEmpty, "case \(number)")
      try check(query.bytes)
    }
  }

  @Test("shorter than a header is passed over") func short() throws {
    for length in 0..<12 {
      let reply = fixture.resolver.reply(
        to: TestQuery("api.example.com").bytes.prefix(length), from: fixture.agent, isHost: false)
      #expect(reply.message == nil && reply.verdict?.outcome == .malformed)
    }
  }

  @Test("with the longest name there is gets its answer") func longest() throws {
    let name = Array(repeating: [63] + [UInt8](repeating: 0x61, count: 63), count: 3).flatMap(\.self)
    var query = TestQuery("")
    query.name = name + [49] + [UInt8](repeating: 0x62, count: 49) + wire("example.org")
    #expect(query.name.count == 255)
    #expect(fixture.answer(query.withEDNS())?.answers.count == 1)
    query.name.insert(0x62, at: name.count + 1)
    query.name[name.count] = 50
    #expect(fixture.answer(query)?.code == 1)
  }
}
