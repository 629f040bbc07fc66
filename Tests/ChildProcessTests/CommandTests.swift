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
}

private actor Collected {
  private var bytes: [UInt8] = []
  var text: String { String(decoding: bytes, as: UTF8.self) }

  func add(_ more: [UInt8]) { bytes += more }
}
