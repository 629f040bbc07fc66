/// A place in the text of a condition.
package struct TextPosition: Hashable, Sendable {
  /// Bytes before it.
  package var offset = 0
  /// Counted from 1.
  package var line = 1
  /// Bytes into the line, counted from 1.
  package var column = 1

  package init() {}

  mutating func advance(over byte: UInt8) {
    column += 1
    if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
      column = 1
      line += 1
    }
    offset += 1
  }
}
