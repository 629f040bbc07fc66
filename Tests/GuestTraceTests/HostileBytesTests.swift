import Detection
import SeededRandom
import Testing
import TraceWriting

@testable import GuestTrace

@Suite("Bytes of a sandbox that lies")
struct HostileBytesTests {
  private typealias Bench = GuestEventReaderTests.Bench

  /// Every field that such events have, so that each of them is asked for.
  private static let everything = FieldTable.definitions.filter { $0.argument != .required }.map { "%" + $0.name }
    .joined(separator: " ")

  @Test("at random make no event, or one whose fields can be read", .timeLimit(.minutes(3)))
  func random() throws {
    let bench = try Bench(Self.everything)
    var random = SplitMix64(seed: 11)
    for _ in 0..<20_000 {
      let length = Int.random(in: 0...200, using: &random)
      var message = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      if length > 8, Bool.random(using: &random) {
        message.replaceSubrange(0..<4, with: [8, 0, UInt8.random(in: 0...36, using: &random), 0])
      }
      _ = bench.output(message)
    }
    #expect(bench.sandbox.malformed > 1_000)
    #expect(bench.sandbox.processCount <= 8_192)
  }

  @Test("of every kind with any fields are read", .timeLimit(.minutes(3))) func fields() throws {
    let bench = try Bench(Self.everything)
    var random = SplitMix64(seed: 12)
    var events = 0
    for _ in 0..<6_000 {
      let kind = UInt16.random(in: 0...36, using: &random)
      let numbers: [UInt64] = [0, 1, 2, 3, 33, 41, 42, 59, 85, 101, 105, 106, 117, 119, 257, 272, 322, 511, 512, .max]
      let message = MessageBuilder.make(
        kind, process: UInt64.random(in: 0...9, using: &random), thread: UInt64.random(in: 0...9, using: &random)
      ) { message in
        for _ in 0..<Int.random(in: 0...8, using: &random) {
          let field = UInt64.random(in: 2...12, using: &random)
          switch UInt8.random(in: 0...3, using: &random) {
          case 0: message.number(field, numbers.randomElement(using: &random) ?? 0)
          case 1: message.number(field, UInt64.random(in: 0 ... .max, using: &random))
          case 2: message.bytes(field, (0..<Int.random(in: 0...40, using: &random)).map { UInt8($0) })
          default:
            let result = Int64.random(in: .min ... .max, using: &random)
            message.exit(result, error: UInt64.random(in: 0...200, using: &random))
          }
        }
      }
      if bench.output(message) != nil { events += 1 }
    }
    #expect(events > 1_000)
    #expect(bench.sandbox.malformed > 0)
  }

  @Test("may be names that are no text, which are told as such") func names() throws {
    let bench = try Bench("%proc.name|%fd.name|%proc.cwd")
    let message = MessageBuilder.make(7) { message in
      message.exit(3)
      message.number(3, UInt64(257))
      message.number(4, Int64(-100))
      message.bytes(6, [0x2f, 0xff, 0xfe, 0x2f, 0xc3, 0x28, 0x00])
    }
    #expect(bench.output(message) == "agent|/\u{fffd}\u{fffd}/\u{fffd}(\u{0}|/workspace")
    for rule in ["fd.name regex \"/.*\"", "fd.name glob \"/*\"", "fd.name startswith /", "fd.name contains \"(\""] {
      var loader = RuleLoader()
      let condition = "\"" + rule.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
      let result = loader.load(
        "- {rule: r, desc: d, priority: INFO, output: o, warn_evttypes: false, condition: \(condition)}",
        file: "r.yaml")
      #expect(result.errors.map(\.message) == [])
      let rules = loader.compiled()
      let reader = GuestEventReader(hostName: "host")
      reader.bind(to: rules)
      let matcher = Matcher(rules, source: reader)
      message.withUnsafeBytes { bytes in
        #expect(reader.take(bytes, from: bench.sandbox) == .event)
        #expect(matcher.match(), "\(rule)")
      }
    }
  }

  @Test("as long as a socket takes are kept only in part") func long() throws {
    let bench = try Bench("%proc.cmdnargs %proc.cmdlenargs <%proc.env[LAST]>")
    let message = MessageBuilder.make(3) { message in
      message.text(2, "/bin/x")
      for _ in 0..<20_000 { message.text(3, "argument") }
      for _ in 0..<20_000 { message.text(4, "NAME=value") }
      message.text(4, "LAST=1")
    }
    #expect(message.count < TraceMessage.longest)
    let words = try #require(bench.output(message)).split(separator: " ")
    #expect(words.first == "19999")
    #expect(Int(words[1]) ?? 0 <= 64 << 10)
    #expect(words.last == "<>")
  }

  @Test("that name another sandbox are not believed") func foreign() throws {
    let bench = try Bench("%evt.type")
    for container in ["default.a2", "default.a", "default.a11", "DEFAULT.A1", "default.a1\u{0}"] {
      #expect(bench.take(MessageBuilder.make(3, container: container) { $0.text(2, "/bin/x") }) == .foreign)
    }
    #expect(bench.sandbox.processCount == 0)
    // One that names no sandbox is of the socket's.
    #expect(bench.take(MessageBuilder.make(3, container: "") { $0.text(2, "/bin/x") }) == .event)
  }

  @Test("that cut a message leave the processes as they were", arguments: [1, 2, 3, 5, 7, 10] as [UInt16])
  func cut(kind: UInt16) throws {
    let bench = try Bench("%proc.name")
    _ = bench.take(GuestEventReaderTests.start())
    let whole = MessageBuilder.make(kind) { message in
      message.exit(3)
      message.text(3, "/x")
      message.text(4, "/y")
    }
    for length in 8..<whole.count {
      let outcome = bench.take(Array(whole[..<length]))
      if outcome == .malformed { #expect(bench.reader.event.process.id <= 1) }
    }
    #expect(bench.sandbox.processCount <= 2)
  }
}
