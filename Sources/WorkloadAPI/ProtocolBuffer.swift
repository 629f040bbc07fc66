/// Writes messages of protocol buffers, as far as the Workload API needs them: five messages of texts, bytes, messages
/// and maps. A runtime library and generated code would be many times the size of what they replace here.
///
/// Wire format: https://protobuf.dev/programming-guides/encoding
struct MessageWriter {
  private(set) var bytes: [UInt8] = []

  /// A text, bytes or message. An empty value is written too: in a repeated field it is one of the values.
  mutating func append(_ field: Int, _ value: some Collection<UInt8>) {
    append(variable: UInt64(field) << 3 | 2)
    append(variable: UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func append(_ field: Int, _ text: String) { append(field, text.utf8) }

  mutating func append(_ field: Int, _ number: Double) {
    append(variable: UInt64(field) << 3 | 1)
    withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ field: Int, message: (inout MessageWriter) -> Void) {
    var writer = MessageWriter()
    message(&writer)
    append(field, writer.bytes)
  }

  /// An entry of a map from texts.
  mutating func append(_ field: Int, key: String, value: some Collection<UInt8>) {
    append(field) {
      $0.append(1, key)
      $0.append(2, value)
    }
  }

  private mutating func append(variable value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// Reads the same, from anybody: every length is checked, unknown fields are skipped, groups are refused.
struct MessageReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  struct Malformed: Error {}

  /// The next field with bytes in it.
  ///
  /// - Returns: `nil` at the end.
  /// - Throws: `Malformed`.
  mutating func next() throws -> (field: UInt64, value: ArraySlice<UInt8>)? {
    while !rest.isEmpty {
      let tag = try variable()
      guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw Malformed() }
      switch tag & 7 {
      case 0: _ = try variable()
      case 1: _ = try take(8)
      case 2: return (tag >> 3, try take(try variable()))
      case 5: _ = try take(4)
      default: throw Malformed()
      }
    }
    return nil
  }

  static func text(_ bytes: ArraySlice<UInt8>) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Malformed() }
    return text
  }

  private mutating func take(_ count: UInt64) throws -> ArraySlice<UInt8> {
    guard count <= UInt64(rest.count) else { throw Malformed() }
    defer { rest = rest.dropFirst(Int(count)) }
    return rest.prefix(Int(count))
  }

  private mutating func variable() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else { throw Malformed() }
      // The tenth byte has one bit left of 64.
      guard shift < 63 || byte <= 1 else { throw Malformed() }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw Malformed()
  }
}
