import APIModel
import Faults
import Framing
import Hummingbird
import NIOCore
import Synchronization

/// The body of an exec request, cut into frames as somebody asks for them, so that a program that reads slowly slows
/// its client.
///
/// A body that ends in order ends the program's input; one that is cut off means that the client is gone.
///
/// A task of its own reads it: a reader that is cancelled ends the reading of the whole connection, and the server then
/// closes it under what the client has not read of its answer.
///
/// `@unchecked`: `first` runs before that task begins, which alone reads the body then.
final class ExecInput: @unchecked Sendable {
  private var body: RequestBody.AsyncIterator
  private var buffer = ByteBuffer()
  private let wanted = AsyncStream.makeStream(of: Void.self)
  private let arrived = AsyncStream.makeStream(of: Frame.self)
  private let broken = AsyncStream.makeStream(of: Void.self)
  private let ended = AsyncStream.makeStream(of: Void.self)

  init(_ body: RequestBody) { self.body = body.makeAsyncIterator() }

  /// The frame that says what to run.
  func first(operation: String) async throws -> ExecRequest {
    do {
      guard let frame = try await frame(), frame.kind == .message else {
        throw Fault(
          .invalid, operation: operation, reason: "the body does not begin with a message frame",
          remedy: "see /openapi.json for its form")
      }
      let wanted = try APIJSON.decode(ExecRequest.self, from: frame.payload.readableBytesView)
      try check(wanted, operation: operation)
      return wanted
    } catch let fault as Fault {
      throw fault
    } catch let error as CancellationError {
      throw error
    } catch {
      throw Fault(
        .invalid, operation: operation, reason: "the first frame is not an ExecRequest",
        remedy: "see /openapi.json for its form", cause: error)
    }
  }

  /// Longest command and environment together, as the kernel would take them (execve(2)).
  private static let longestRequest = 256 << 10

  private func check(_ wanted: ExecRequest, operation: String) throws {
    func invalid(_ reason: String, _ remedy: String) -> Fault {
      Fault(.invalid, operation: operation, reason: reason, remedy: remedy)
    }
    guard let program = wanted.command.first, !program.isEmpty else {
      throw invalid("the command is empty", "name a program")
    }
    if let directory = wanted.directory, !directory.hasPrefix("/") {
      throw invalid("the directory '\(directory.prefix(80))' is not absolute", "give a path that begins with '/'")
    }
    if let name = wanted.env.keys.first(where: { $0.isEmpty || $0.contains("=") }) {
      throw invalid("'\(name.prefix(80))' is not the name of an environment variable", "use a name without '='")
    }
    let texts = wanted.command + wanted.env.keys + wanted.env.values + [wanted.directory ?? ""]
    guard !texts.contains(where: { $0.utf8.contains(0) }) else {
      throw invalid("command, environment or directory holds a NUL byte", "remove it")
    }
    let size = texts.reduce(0) { $0 + $1.utf8.count }
    guard size <= Self.longestRequest else {
      throw invalid(
        "command and environment have \(size) bytes, more than \(Self.longestRequest)", "pass large values on stdin")
    }
  }

  /// The rest, for one consumer, while `read()` runs.
  var frames: AsyncStream<Frame> {
    var arriving = arrived.stream.makeAsyncIterator()
    return AsyncStream {
      self.wanted.continuation.yield()
      return await arriving.next()
    }
  }

  /// Returns never; throws when the client is gone.
  func lost() async throws {
    for await _ in broken.stream {}
    throw CancellationError()
  }

  /// Drops what comes from now on, and waits for the end, which a client sends when it has the program's exit code.
  ///
  /// One that waits for the end of the answer instead has it after ten seconds.
  func dropped() async {
    wanted.continuation.finish()
    await withTaskGroup(of: Void.self) { [ended] group in
      group.addTask { for await _ in ended.stream {} }
      group.addTask { try? await Task.sleep(for: .seconds(10)) }
      await group.next()
      group.cancelAll()
    }
  }

  /// Reads what is asked for, and once nobody asks any more what comes, until the body's end.
  func read() async {
    for await _ in wanted.stream {
      guard let frame = await next() else { break }
      arrived.continuation.yield(frame)
    }
    arrived.continuation.finish()
    while let piece = try? await body.next() { _ = piece }
    ended.continuation.finish()
  }

  private func next() async -> Frame? {
    do {
      guard let frame = try await frame() else { return nil }
      guard frame.kind == .standardInput || frame.kind == .endOfInput else {
        broken.continuation.finish()
        return nil
      }
      return frame
    } catch {
      broken.continuation.finish()
      return nil
    }
  }

  private func frame() async throws -> Frame? {
    while true {
      if let frame = try Frame.read(from: &buffer) { return frame }
      guard let piece = try await body.next() else { return nil }
      buffer.discardReadBytes()
      buffer.writeImmutableBuffer(piece)
    }
  }
}
