import AuditLog
import Faults

/// Reads frames in order, from any frame on, through one buffer: memory does not grow with the file.
///
/// Checks all that a frame can show by itself: header, place in the order, hash of the body.
struct AuditFrameReader {
  enum Element {
    case record(offset: UInt64, body: [UInt8], leaf: TreeHash)
    case seal(offset: UInt64, body: [UInt8])
    /// The end; the last `tornBytes` bytes are the beginning of a frame.
    case end(tornBytes: Int)
    /// Nothing after this can be trusted or even found.
    case bad(AuditDefect)
  }

  private let descriptor: AuditDescriptor
  private let limit: UInt64
  /// The index that the next record must have.
  private(set) var index: UInt64
  /// Where the next frame begins.
  private(set) var offset: UInt64
  private var buffer: [UInt8]
  private var filled: Range<Int> = 0..<0

  /// Begins at `offset`, where a frame must begin, with `index` for its first record; reads nothing from `limit` on.
  init(
    _ descriptor: AuditDescriptor, offset: UInt64, index: UInt64, limit: UInt64, bufferSize: Int = 1 << 20
  ) {
    self.descriptor = descriptor
    self.offset = offset
    self.index = index
    self.limit = limit
    buffer = [UInt8](repeating: 0, count: max(bufferSize, AuditFrame.overhead + SignedNote.byteLimit))
  }

  mutating func next() throws -> Element {
    let available = try fill(AuditFrame.headerCount)
    guard available >= AuditFrame.headerCount else { return .end(tornBytes: available) }
    guard let header = withFilled({ AuditFrame.Header(UnsafeRawBufferPointer(rebasing: $0.prefix(16))) }) else {
      return bad("its header is changed")
    }
    guard header.index == index else {
      return bad("\(header.kind == .record ? "record" : "the seal after record") \(header.index) stands in its place")
    }
    guard header.kind != .start else { return bad("a start stands in its place") }
    let count = header.length + AuditFrame.overhead
    let found = try fill(count)
    guard found >= count else { return .end(tornBytes: found) }
    let start = filled.lowerBound + AuditFrame.headerCount
    let body = Array(buffer[start..<(start + header.length)])
    let hash = AuditFrame.hash(header.kind, body)
    let isRight = hash.withUnsafeBytes {
      $0.elementsEqual(buffer[(start + header.length)..<(start + header.length + TreeHash.byteCount)])
    }
    guard isRight else {
      if header.kind == .record { return bad("its bytes and its stored hash disagree") }
      return .bad(
        AuditDefect(
          file: .records, index: index == 0 ? 0 : index - 1, offset: offset,
          reason: "the seal after it is changed: its bytes and its stored hash disagree"))
    }
    let place = offset
    skip(count)
    guard header.kind == .record else { return .seal(offset: place, body: body) }
    index += 1
    return .record(offset: place, body: body, leaf: hash)
  }

  private func bad(_ reason: String) -> Element {
    .bad(AuditDefect(file: .records, index: index, offset: offset, reason: reason))
  }

  private func withFilled<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[filled])) }
  }

  private mutating func skip(_ count: Int) {
    filled = (filled.lowerBound + count)..<filled.upperBound
    offset += UInt64(count)
  }

  /// Makes `count` bytes from `offset` on available, or as many as there are.
  private mutating func fill(_ count: Int) throws -> Int {
    if filled.count >= count { return filled.count }
    let kept = filled.count
    let source = filled
    let position = offset + UInt64(kept)
    let room = Int(min(UInt64(buffer.count - kept), limit > position ? limit - position : 0))
    let descriptor = self.descriptor
    let read = try buffer.withUnsafeMutableBytes { bytes in
      if source.lowerBound > 0 {
        bytes.copyBytes(from: Array(bytes[source]))
      }
      return try descriptor.read(
        into: UnsafeMutableRawBufferPointer(rebasing: bytes[kept..<(kept + room)]), at: position)
    }
    filled = 0..<(kept + read)
    return filled.count
  }
}
