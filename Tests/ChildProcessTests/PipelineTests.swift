import ChildProcess
import Faults
import Foundation
import Testing

@Suite("Two programs in a pipeline", .timeLimit(.minutes(1))) struct PipelineTests {
  private func output(_ pipeline: Pipeline, input: [UInt8] = []) async throws -> Data {
    let path = NSTemporaryDirectory() + "lobstack-pipeline-\(UUID().uuidString)"
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try #require(FileHandle(forWritingAtPath: path))
    try await pipeline.check(input: input, output: file.fileDescriptor, timeout: .seconds(30))
    return try Data(contentsOf: URL(filePath: path))
  }

  @Test("hand on every byte, more than a pipe holds") func bytes() async throws {
    let input = [UInt8](repeating: 7, count: 3 << 20)
    #expect(try await output(Pipeline(Command("cat"), into: Command("cat")), input: input) == Data(input))
  }

  @Test("tell of the one that failed, whichever it is", arguments: [true, false]) func failure(isFirst: Bool) async {
    let failing = Command("sh", ["-c", "echo no key >&2; exit 3"])
    let endless = Command("sh", ["-c", "while echo x; do :; done"])
    let pipeline = isFirst ? Pipeline(failing, into: Command("cat")) : Pipeline(endless, into: failing)
    let fault = await #expect(throws: Fault.self) { try await pipeline.check(timeout: .seconds(30)) }
    #expect(fault?.reason == "it ended with exit code 3: no key")
  }

  @Test("are both ended when they take too long") func timeout() async {
    let pipeline = Pipeline(Command("sleep", ["600"]), into: Command("cat"))
    let fault = await #expect(throws: Fault.self) { try await pipeline.check(timeout: .milliseconds(200)) }
    #expect(fault?.code == .timedOut)
  }

  @Test("that are not there are told") func missing() async {
    let pipeline = Pipeline(Command("cat"), into: Command("no-such-program"))
    let fault = await #expect(throws: Fault.self) { try await pipeline.check(timeout: .seconds(5)) }
    #expect(fault?.code == .notFound)
  }
}
