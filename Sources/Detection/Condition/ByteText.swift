/// A constant of a condition. It is UTF-8 unless `\xNN` in quotes made other bytes, which are kept as they are.
package struct ByteText: Hashable, Sendable {
  package let bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  package init(_ text: String) { bytes = Array(text.utf8) }

  /// For messages, numbers and names: what is no UTF-8 shows as U+FFFD.
  package var text: String { String(decoding: bytes, as: UTF8.self) }
}
