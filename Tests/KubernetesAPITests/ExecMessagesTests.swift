import Faults
import NIOCore
import SeededRandom
import Testing

@testable import KubernetesAPI

@Suite("What is said of a program that runs in a Pod") struct ExecMessagesTests {
  private func message(_ channel: UInt8, _ text: String = "") -> ByteBuffer {
    var buffer = ByteBuffer(bytes: [channel])
    buffer.writeString(text)
    return buffer
  }

  private func code(_ status: String) throws -> Int32 {
    var messages = ExecMessages()
    _ = try messages.take(message(3, status))
    return try messages.exitCode("run it")
  }

  @Test("is output by its channel, also when a message comes in pieces") func output() throws {
    var messages = ExecMessages()
    #expect(try messages.take(message(1, "a")) == .standardOutput(ByteBuffer(string: "a")))
    #expect(try messages.take(message(2, "b")) == .standardError(ByteBuffer(string: "b")))
    // That a channel is open, and that nothing is said on it.
    for channel: UInt8 in [1, 2, 3, 255] { #expect(try messages.take(message(channel)) == nil) }
    #expect(try messages.take(ByteBuffer()) == nil)

    #expect(try messages.take(message(2, "c"), isLast: false) == .standardError(ByteBuffer(string: "c")))
    // Its first byte is no channel's.
    #expect(
      try messages.take(message(1, "d"), continues: true) == .standardError(ByteBuffer(bytes: [1, UInt8(ascii: "d")])))
    #expect(try messages.take(message(1, "e")) == .standardOutput(ByteBuffer(string: "e")))

    // The channel's byte may be alone, or not come with the first frame.
    #expect(try messages.take(ByteBuffer(), isLast: false) == nil)
    #expect(try messages.take(message(1), continues: true, isLast: false) == nil)
    #expect(
      try messages.take(ByteBuffer(string: "f"), continues: true) == .standardOutput(ByteBuffer(string: "f")))
  }

  @Test("is refused where it is none of the protocol") func violations() throws {
    for channel: UInt8 in [0, 4, 5, 127, 254] {
      var messages = ExecMessages()
      #expect(throws: ExecMessages.Violation.channel(channel)) { try messages.take(message(channel, "x")) }
    }
    var messages = ExecMessages()
    #expect(throws: ExecMessages.Violation.continuesNothing) { try messages.take(message(1, "x"), continues: true) }
    messages = ExecMessages()
    _ = try messages.take(message(1, "x"), isLast: false)
    #expect(throws: ExecMessages.Violation.beginsWithin) { try messages.take(message(1, "x")) }
    messages = ExecMessages()
    let half = String(repeating: " ", count: ExecMessages.longestStatus / 2)
    for _ in 0..<2 { _ = try messages.take(message(3, half)) }
    #expect(throws: ExecMessages.Violation.longStatus) { try messages.take(message(3, " ")) }
  }

  @Test("ends with the program's exit code") func exitCodes() throws {
    #expect(try code(#"{"metadata":{},"status":"Success"}"#) == 0)
    for told in ["1", "137", "255"] {
      let status = """
        {"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code",
        "reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"\(told)"}]}}
        """
      #expect(try code(status) == Int32(told))
    }
  }

  @Test(
    "has no exit code that the kubelet did not tell",
    arguments: [
      "0", "256", "-1", "99999999999", "x", "",
    ]) func strangeCodes(told: String)
  {
    let status = """
      {"status":"Failure","message":"m","reason":"NonZeroExitCode",
      "details":{"causes":[{"reason":"ExitCode","message":"\(told)"}]}}
      """
    #expect { try code(status) } throws: { ($0 as? Fault)?.code == .failed }
  }

  @Test("tells in one line why the program could not be run") func failures() {
    let status = #"{"status":"Failure","message":"exec \"nope\":\n not found\u0007","reason":"InternalError"}"#
    #expect { try code(status) } throws: { error in
      guard let fault = error as? Fault else { return false }
      return fault.code == .failed && fault.reason == #"its node says: exec "nope": not found"#
    }
    for status in ["{}", "null", "[1]", "nonsense", #"{"status":3}"#] {
      #expect { try code(status) } throws: { ($0 as? Fault)?.code == .failed }
    }
    // Without it, or with a part of it, nobody knows.
    #expect { try ExecMessages().exitCode("run it") } throws: { ($0 as? Fault)?.code == .unavailable }
    var messages = ExecMessages()
    _ = try? messages.take(message(3, #"{"status":"Success"}"#), isLast: false)
    #expect { try messages.exitCode("run it") } throws: { ($0 as? Fault)?.code == .unavailable }
  }

  @Test("may be anything, and is never more than was sent") func anything() {
    var random = SplitMix64(seed: 7)
    for _ in 0..<500 {
      var messages = ExecMessages()
      for _ in 0..<20 {
        let bytes = (0..<Int.random(in: 0...6, using: &random)).map { _ in UInt8.random(in: 0...5, using: &random) }
        let isGoingOn = Bool.random(using: &random), isLast = Bool.random(using: &random)
        guard let output = try? messages.take(ByteBuffer(bytes: bytes), continues: isGoingOn, isLast: isLast) else {
          continue
        }
        switch output {
        case .standardOutput(let piece), .standardError(let piece):
          #expect(piece.readableBytes > 0 && bytes.suffix(piece.readableBytes) == Array(piece.readableBytesView))
        }
      }
      _ = try? messages.exitCode("run it")
    }
  }

  @Test("is given its input, and the end of it, by what the API server reads") func input() {
    #expect(Array(ExecMessages.input(ByteBuffer(string: "ab")).readableBytesView) == [0, 97, 98])
    #expect(Array(ExecMessages.endOfInput.readableBytesView) == [255, 0])
  }
}
