/// Reads a protocol buffer in place (protobuf.dev/programming-guides/encoding), from a sandbox that may lie: every length
/// is checked, unknown fields are passed over.
struct WireReader {
  enum Value {
    case number(UInt64)
    case bytes(UnsafeRawBufferPointer)
  }

  private let bytes: UnsafeRawBufferPointer
  private var place = 0
  /// Set for good by the first thing that is not as it has to be.
  private(set) var isMalformed = false

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// - Returns: `nil` at the end, and where the message is malformed.
  @inline(__always)
  mutating func next() -> (field: UInt64, value: Value)? {
    while place < bytes.count {
      guard let tag = variable(), tag >> 3 > 0 else { return fail() }
      switch tag & 7 {
      case 0:
        guard let number = variable() else { return fail() }
        return (tag >> 3, .number(number))
      case 2:
        guard let length = variable(), length <= UInt64(bytes.count - place) else { return fail() }
        let value = UnsafeRawBufferPointer(rebasing: bytes[place..<(place + Int(length))])
        place += Int(length)
        return (tag >> 3, .bytes(value))
      case 1: place += 8
      case 5: place += 4
      default: return fail()
      }
      guard place <= bytes.count else { return fail() }
    }
    return nil
  }

  private mutating func fail() -> (field: UInt64, value: Value)? {
    isMalformed = true
    place = bytes.count
    return nil
  }

  @inline(__always)
  private mutating func variable() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while place < bytes.count, shift < 64 {
      let byte = bytes[place]
      place += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }
}
