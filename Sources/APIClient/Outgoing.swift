import Framing
import NIOCore
import Synchronization

/// The body of an exec request: the first frame, then the input as frames, until `stop()` is called.
///
/// It stays open beyond the end of the input, because a body that is cut off is how the platform learns that the client
/// is gone.
///
/// A sequence that the transport pulls, so that no more input is read than the connection takes. It can be walked once.
final class Outgoing: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  private static let longestPiece = 64 << 10
  private let first: Frame?
  private let input: AsyncStream<[UInt8]>
  /// Never yields: waiting for it is waiting for `stop()`.
  private let silence = AsyncStream<[UInt8]> { _ in }
  private let reading = Mutex(Reading())

  private struct Reading {
    var stopped = false
    var task: Task<Event, Never>?
  }

  fileprivate enum Event { case piece([UInt8]), endOfInput, stopped }

  init(first: Frame?, input: AsyncStream<[UInt8]>) {
    self.first = first
    self.input = input
  }

  /// Ends the sequence though the input has not ended: the program that it was for is gone.
  func stop() {
    reading.withLock {
      $0.stopped = true
      $0.task?.cancel()
    }
  }

  func makeAsyncIterator() -> Iterator { Iterator(outgoing: self) }

  /// A task of its own, awaited here, so that `stop()` can end the wait for input that never comes.
  private func nextEvent(of stream: AsyncStream<[UInt8]>) async -> Event {
    let task = Task { () -> Event in
      for await bytes in stream { return .piece(bytes) }
      return Task.isCancelled ? .stopped : .endOfInput
    }
    reading.withLock {
      $0.task = task
      if $0.stopped { task.cancel() }
    }
    return await withTaskCancellationHandler {
      await task.value
    } onCancel: {
      task.cancel()
    }
  }

  struct Iterator: AsyncIteratorProtocol {
    private let outgoing: Outgoing
    private var first: Frame?
    private var pending: ArraySlice<UInt8> = []
    private var inputEnded = false

    fileprivate init(outgoing: Outgoing) {
      self.outgoing = outgoing
      first = outgoing.first
    }

    mutating func next() async -> ByteBuffer? {
      if let frame = first {
        first = nil
        return Self.bytes(of: frame)
      }
      while pending.isEmpty {
        switch await outgoing.nextEvent(of: inputEnded ? outgoing.silence : outgoing.input) {
        case .piece(let bytes): pending = bytes[...]
        case .endOfInput where inputEnded: return nil
        case .endOfInput:
          inputEnded = true
          return Self.bytes(of: Frame(.endOfInput))
        case .stopped: return nil
        }
      }
      let piece = pending.prefix(Outgoing.longestPiece)
      pending = pending.dropFirst(piece.count)
      return Self.bytes(of: Frame(.standardInput, ByteBuffer(bytes: piece)))
    }

    private static func bytes(of frame: Frame) -> ByteBuffer {
      var buffer = ByteBuffer()
      frame.write(into: &buffer)
      return buffer
    }
  }
}
