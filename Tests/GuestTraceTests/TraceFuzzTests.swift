import SeededRandom
import Testing
import TraceWriting

@testable import GuestTrace

@Suite("Random trace messages", .timeLimit(.minutes(5))) struct TraceFuzzTests {
  /// Ends of numbers and lengths, and bytes that texts do not have.
  private static let words: [[UInt8]] = [
    [0xff], [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], [0x08, 0x01], [0x0a, 0x7f],
    [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x12, 0x00], [0x00], [0x2f, 0x2e, 0x2e, 0x2f], [0xc3, 0x28], [0x2f, 0x70],
    [0x0b], [0x0c], [0x0d, 1, 2, 3, 4], [0x09, 1, 2, 3, 4, 5, 6, 7, 8],
  ]

  private static let seeds: [[UInt8]] =
    GuestEventReaderTests.seeds + [
      MessageBuilder.make(6) { message in
        message.number(4, UInt64(101))
        message.number(5, UInt64(16))
      },
      MessageBuilder.make(12) { message in
        message.exit(3)
        message.number(3, UInt64(41))
        message.number(4, UInt64(2))
      },
    ]

  @Test("are read or refused, and leave no more behind than is allowed") func fuzz() throws {
    let bench = try GuestEventReaderTests.Bench(
      "%evt.args %fd.name %fd.sip %fd.types %proc.cmdline %proc.acmdline %proc.aname %proc.env %evt.time %user.uid %evt.category"
    )
    var run = FuzzRun("trace messages")
    var (read, others) = (0, 0)
    while run.goesOn {
      var message = Self.seeds.randomElement(using: &run.random) ?? []
      // Sometimes of another kind than it is.
      if UInt8.random(in: 0..<4, using: &run.random) == 0 { message[2] = UInt8.random(in: 0...36, using: &run.random) }
      // The header is left alone mostly: a message that it refuses is not read at all.
      let header = UInt8.random(in: 0..<8, using: &run.random) == 0 ? 0 : 8
      message = Array(message.prefix(header)) + run.random.mutate(Array(message.dropFirst(header)), words: Self.words)
      if bench.output(message) == nil { others += 1 } else { read += 1 }
    }
    #expect(read > 0 && others > 0, "seed \(run.seed)")
    #expect(bench.sandbox.processCount <= 8_192)
  }
}
