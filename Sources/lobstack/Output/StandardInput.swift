import Dispatch
import Glibc

/// Standard input as a stream that reads only when somebody waits for it.
enum StandardInput {
  static func stream() -> AsyncStream<[UInt8]> {
    // A queue of its own: the read blocks, if only for a moment at a time, so that a cancelled reader gets away.
    let queue = DispatchQueue(label: "standard input")
    return AsyncStream {
      while !Task.isCancelled {
        let piece = await withCheckedContinuation { continuation in
          queue.async { continuation.resume(returning: read(within: 100)) }
        }
        switch piece {
        case .bytes(let bytes): return bytes
        case .end: return nil
        case .nothingYet: continue
        }
      }
      return nil
    }
  }

  private enum Piece: Sendable {
    case bytes([UInt8]), end, nothingYet
  }

  private static func read(within milliseconds: Int32) -> Piece {
    var watched = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard poll(&watched, 1, milliseconds) > 0 else { return .nothingYet }
    var bytes = [UInt8](repeating: 0, count: 32 << 10)
    let count = Glibc.read(STDIN_FILENO, &bytes, bytes.count)
    if count > 0 { return .bytes(Array(bytes[..<count])) }
    return count < 0 && (errno == EINTR || errno == EAGAIN) ? .nothingYet : .end
  }
}

/// Standard input to its end, or to a byte past the limit.
func readInput(atMost limit: Int) async throws -> [UInt8] {
  var bytes: [UInt8] = []
  for await piece in StandardInput.stream() {
    bytes += piece
    guard bytes.count <= limit else { break }
  }
  return bytes
}
