import Framing
import NIOCore
import Synchronization

/// The body of an exec request: the first frame, then the input as frames, until the input ends or `stop()` is called.
///
/// A sequence that the transport pulls, so that no more input is read than the connection takes. It can be walked once.
final class Outgoing: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  private static let longestPiece = 64 << 10
  private let first: Frame?
  private let input: AsyncStream<[UInt8]>
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
  private func nextEvent() async -> Event {
    let task = Task { [input] () -> Event in
      for await bytes in input { return .piece(bytes) }
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
    private var ended = false

    fileprivate init(outgoing: Outgoing) {
      self.outgoing = outgoing
      first = outgoing.first
    }

    mutating func next() async -> ByteBuffer? {
      if let frame = first {
        first = nil
        return Self.bytes(of: frame)
      }
      if ended { return nil }
      while pending.isEmpty {
        switch await outgoing.nextEvent() {
        case .piece(let bytes): pending = bytes[...]
        case .endOfInput:
          ended = true
          return Self.bytes(of: Frame(.endOfInput))
        case .stopped:
          ended = true
          return nil
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
