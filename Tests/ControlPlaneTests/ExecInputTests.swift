import APIModel
import Framing
import Hummingbird
import NIOCore
import Testing

@testable import ControlPlane

@Suite("The input of a program that is run for a client", .timeLimit(.minutes(1))) struct ExecInputTests {
  private struct Lost: Error {}

  @Test("tells that its client is gone also when its input has ended and nobody asks for more") func lost() async throws
  {
    let (body, client) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
    var bytes = ByteBuffer()
    Frame(.message, ByteBuffer(string: #"{"command":["sleep","300"],"env":{}}"#)).write(into: &bytes)
    Frame(.endOfInput).write(into: &bytes)
    client.yield(bytes)
    let (wanted, input) = try await ExecInput.open(RequestBody(asyncSequence: body), operation: "test")
    #expect(wanted.command == ["sleep", "300"])
    async let reading: Void = input.read()
    for await frame in input.frames where frame.kind == .endOfInput { break }
    client.finish(throwing: Lost())
    await #expect(throws: CancellationError.self) { try await input.lost() }
    await reading
  }

  @Test("does not end for the program when its client is gone", arguments: [true, false])
  func cut(isLost: Bool) async throws {
    let (body, client) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
    var bytes = ByteBuffer()
    Frame(.message, ByteBuffer(string: #"{"command":["cat"],"env":{}}"#)).write(into: &bytes)
    Frame(.standardInput, ByteBuffer(string: "half")).write(into: &bytes)
    client.yield(bytes)
    let (_, input) = try await ExecInput.open(RequestBody(asyncSequence: body), operation: "test")
    async let reading: Void = input.read()
    let ended = await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        for await _ in input.frames {}
        return !Task.isCancelled
      }
      group.addTask {
        client.finish(throwing: isLost ? Lost() : nil)
        try? await input.lost()
        return false
      }
      let isEnd = await group.next() ?? false
      group.cancelAll()
      await group.waitForAll()
      return isEnd
    }
    await reading
    #expect(ended != isLost)
  }
}
