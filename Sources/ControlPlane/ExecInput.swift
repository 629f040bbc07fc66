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
final class ExecInput: Sendable {
  /// The rest of the body, which `read` takes out.
  private let rest: Mutex<FrameReader?>
  private let wanted = AsyncStream.makeStream(of: Void.self)
  private let arrived = AsyncStream.makeStream(of: Frame.self)
  private let broken = AsyncStream.makeStream(of: Void.self)
  private let ended = AsyncStream.makeStream(of: Void.self)
  private let isBroken = Mutex(false)

  private init(_ rest: sending FrameReader) { self.rest = Mutex(rest) }

  /// Reads the first frame.
  ///
  /// - Returns: what it says to run, and the rest of the body.
  static func open(_ body: RequestBody, operation: String) async throws -> (wanted: ExecRequest, input: ExecInput) {
    var frames = FrameReader(body: body.makeAsyncIterator())
    let wanted = try await first(&frames, operation: operation)
    return (wanted, ExecInput(frames))
  }

  private static func first(_ frames: inout FrameReader, operation: String) async throws -> ExecRequest {
    do {
      guard let frame = try await frames.next(), frame.kind == .message else {
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

  private static func check(_ wanted: ExecRequest, operation: String) throws {
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
    guard size <= longestRequest else {
      throw invalid(
        "command and environment have \(size) bytes, more than \(Self.longestRequest)", "pass large values on stdin")
    }
  }

  /// The rest, for one consumer, while `read()` runs.
  ///
  /// Of a client that is gone it has no end: a program must not take half of its input for the whole. Whoever reads it is
  /// cancelled, as `lost()` tells.
  var frames: AsyncStream<Frame> {
    AsyncStream { [self] in
      wanted.continuation.yield()
      // Iterators of one stream, one after the other, go on where the last one ended.
      var arriving = arrived.stream.makeAsyncIterator()
      if let frame = await arriving.next() { return frame }
      while isBroken.withLock({ $0 }), !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
      return nil
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

  /// Reads what is asked for, and once nobody asks any more what comes, until the body's end. Only once.
  func read() async {
    let rest = rest.withLock { kept in
      let taken = kept
      kept = nil
      return taken
    }
    guard var rest else { return }
    for await _ in wanted.stream {
      guard let frame = await next(&rest) else { break }
      arrived.continuation.yield(frame)
      guard frame.kind == .endOfInput else { continue }
      // Nothing follows but the body's end, which nobody may ask for: that the client is gone has to be seen all the same.
      _ = await next(&rest)
      break
    }
    arrived.continuation.finish()
    await rest.drop()
    ended.continuation.finish()
  }

  private func next(_ rest: inout FrameReader) async -> Frame? {
    do {
      guard let frame = try await rest.next() else { return nil }
      guard frame.kind == .standardInput || frame.kind == .endOfInput else {
        setBroken()
        return nil
      }
      return frame
    } catch {
      setBroken()
      return nil
    }
  }

  private func setBroken() {
    isBroken.withLock { $0 = true }
    broken.continuation.finish()
  }
}

/// Cuts a body into frames.
private struct FrameReader {
  var body: RequestBody.AsyncIterator
  private var buffer = ByteBuffer()

  init(body: RequestBody.AsyncIterator) { self.body = body }

  /// - Returns: `nil` at the end, and for a frame that the end cut off.
  mutating func next() async throws -> Frame? {
    while true {
      if let frame = try Frame.read(from: &buffer) { return frame }
      guard let piece = try await body.next() else { return nil }
      buffer.discardReadBytes()
      buffer.writeImmutableBuffer(piece)
    }
  }

  /// Reads to the end, or until the client is gone.
  mutating func drop() async {
    while let piece = try? await body.next() { _ = piece }
  }
}
