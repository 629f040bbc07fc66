import Faults
import NIOCore

/// Cuts a stream into lines as its bytes come.
struct LineSplitter {
  /// Longest line that is kept, in bytes. etcd takes objects of 1.5 MiB, which JSON may make several times as long.
  static let longest = 16 << 20

  private let limit: Int
  private var pending = ByteBuffer()
  /// Bytes of `pending` that are known to hold no line end.
  private var seen = 0

  init(longest: Int = longest) { limit = longest }

  mutating func append(_ piece: ByteBuffer) { pending.writeImmutableBuffer(piece) }

  /// The next whole line without its end, `nil` when more bytes are needed.
  ///
  /// - Throws: `Fault(.failed)` for a line that is too long.
  mutating func next() throws -> [UInt8]? {
    guard let length = pending.readableBytesView.dropFirst(seen).firstIndex(of: UInt8(ascii: "\n")) else {
      seen = pending.readableBytes
      guard seen <= limit else { throw tooLong }
      pending.discardReadBytes()
      return nil
    }
    let count = length - pending.readerIndex
    guard count <= limit else { throw tooLong }
    seen = 0
    let line = pending.readBytes(length: count)
    pending.moveReaderIndex(forwardBy: 1)
    return line
  }

  /// Whether the stream ended within a line.
  var isWithinLine: Bool { pending.readableBytes > 0 }

  private var tooLong: Fault {
    Fault(
      .failed, operation: "read a watch", reason: "a line has more than \(limit) bytes",
      remedy: "check what answers at the address of the API server")
  }
}
