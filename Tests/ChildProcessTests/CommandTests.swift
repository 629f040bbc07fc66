import ChildProcess
import Faults
import Foundation
import Testing

@Suite("A command", .timeLimit(.minutes(1))) struct CommandTests {
  @Test("gives its output, its error output and its exit code") func run() async throws {
    let result = try await Command("sh", ["-c", "cat; echo problem >&2; exit 3"]).run(input: Array("text".utf8))
    #expect(result.standardOutput == "text")
    #expect(result.standardError == "problem\n")
    #expect(result.status == .exited(3))
  }

  @Test("sees only the environment that it was given") func environment() async throws {
    let output = try await Command("env", environment: ["A": "b"]).check()
    #expect(output == "A=b\n")
  }

  @Test("that fails tells how, in the program's words") func fails() async throws {
    let fault = await #expect(throws: Fault.self) {
      try await Command("sh", ["-c", "echo no room >&2; exit 9"]).check()
    }
    #expect(fault?.reason == "it ended with exit code 9: no room")
  }

  @Test("that does not exist says so") func missing() async throws {
    let fault = await #expect(throws: Fault.self) { try await Command("no-such-program").run() }
    #expect(fault?.code == .notFound)
  }

  @Test("is ended when its time is over") func deadline() async throws {
    let started = ContinuousClock.now
    let fault = await #expect(throws: Fault.self) {
      try await Command("sleep", ["60"]).run(timeout: .milliseconds(100))
    }
    #expect(fault?.code == .timedOut)
    #expect(ContinuousClock.now - started < .seconds(20))
  }

  @Test("may not write without bound") func limit() async throws {
    let fault = await #expect(throws: Fault.self) {
      try await Command("head", ["-c", "100000", "/dev/zero"]).run(outputLimit: 1000)
    }
    #expect(fault?.code == .failed)
  }

  @Test("appends to a file that was there before") func appends() async throws {
    let path = "/tmp/lobstack-test-\(UUID()).log"
    defer { unlink(path) }
    for word in ["one", "two"] {
      #expect(try await Command("echo", [word]).run(appendingTo: path) == .exited(0))
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "one\ntwo\n")
  }

  @Test("streams both ways and ends when the program ends") func streams() async throws {
    let (input, feed) = AsyncStream.makeStream(of: [UInt8].self)
    feed.yield(Array("ping\n".utf8))
    let collected = Collected()
    // The input stays open: only the program's end can end the stream.
    let status = try await Command("sh", ["-c", "read x; echo got $x; exit 5"]).stream(input: input) { piece in
      if case .standardOutput(let bytes) = piece { await collected.add(bytes) }
    }
    #expect(status == .exited(5))
    #expect(await collected.text == "got ping\n")
    feed.finish()
  }

  @Test("that reads none of its input does not end this process") func brokenPipe() async throws {
    let input = [UInt8](repeating: 0, count: 1 << 20)
    for _ in 0..<5 {
      let result = try await Command("true").run(input: input)
      #expect(result.status == .exited(0))
      let (pieces, end) = AsyncStream<[UInt8]>.makeStream()
      for _ in 0..<16 { end.yield(input) }
      // Its input closed, it lives on: nothing but an error of the write can tell.
      let status = try await Command("sh", ["-c", "exec <&-; sleep 0.2; exit 3"]).stream(input: pieces) { _ in }
      #expect(status == .exited(3))
    }
  }

  @Test("that never reads its input is still ended when its time is over") func deadlineWhileWriting() async throws {
    let input = [UInt8](repeating: 0, count: 1 << 20)
    let fault = await #expect(throws: Fault.self) {
      try await Command("sleep", ["30"]).run(input: input, timeout: .milliseconds(200))
    }
    #expect(fault?.code == .timedOut)
  }

  @Test("ends with the caller who follows it, whether its input is open, full or closed", arguments: [0, 1, 64])
  func cancelledStream(chunks: Int) async throws {
    let marker = "86\(UInt32.random(in: 100_000...999_999))"
    let (input, feed) = AsyncStream.makeStream(of: [UInt8].self)
    for _ in 0..<chunks { feed.yield([UInt8](repeating: 0, count: 1 << 16)) }
    let (started, signal) = AsyncStream.makeStream(of: Void.self)
    let follower = Task {
      try await Command("sh", ["-c", "echo started; exec sleep \(marker)"]).stream(input: input) { _ in signal.yield() }
    }
    for await _ in started { break }
    follower.cancel()
    await #expect(throws: CancellationError.self) { try await follower.value }
    #expect(try await Command("pgrep", ["-f", "^sleep \(marker)$"]).run().standardOutput == "")
    feed.finish()
  }

  @Test("ends when its output is not wanted any more") func refusedOutput() async throws {
    struct Enough: Error {}
    let (input, _) = AsyncStream.makeStream(of: [UInt8].self)
    await #expect(throws: Enough.self) {
      try await Command("yes").stream(input: input) { _ in throw Enough() }
    }
  }

  @Test("passes every byte on, in order") func binary() async throws {
    let chunk = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let (input, feed) = AsyncStream.makeStream(of: [UInt8].self)
    for _ in 0..<80 { feed.yield(chunk) }
    feed.finish()
    let collected = Collected()
    let status = try await Command("cat").stream(input: input) { piece in
      if case .standardOutput(let bytes) = piece { await collected.add(bytes) }
    }
    #expect(status == .exited(0))
    #expect(await collected.bytes == Array(repeatElement(chunk, count: 80).joined()))
  }
}

private actor Collected {
  private(set) var bytes: [UInt8] = []
  var text: String { String(decoding: bytes, as: UTF8.self) }

  func add(_ more: [UInt8]) { bytes += more }
}
