/// Escapes in the quoted strings of conditions.
enum StringEscapes {
  /// - Parameter text: with its quotes.
  /// - Throws: the message of Falco for an escape that it does not know.
  static func unescape(_ text: some Collection<UInt8>) throws(UnknownEscape) -> [UInt8] {
    let bytes = Array(text)
    guard let quote = bytes.first, bytes.count >= 2 else { return [] }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var index = 1
    let end = bytes.count - 1
    while index < end {
      let byte = bytes[index]
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        index += 1
        continue
      }
      index += 1
      guard index < end else { break }
      switch bytes[index] {
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0c)
      case UInt8(ascii: "n"): result.append(0x0a)
      case UInt8(ascii: "r"): result.append(0x0d)
      case UInt8(ascii: "t"): result.append(0x09)
      // A blank stands for a backslash: old rules rely on it.
      case UInt8(ascii: " "), UInt8(ascii: "\\"): result.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "/"): result.append(UInt8(ascii: "/"))
      case UInt8(ascii: "\""):
        guard quote == UInt8(ascii: "\"") else { throw UnknownEscape("invalid \\\" escape in '-quoted string") }
        result.append(UInt8(ascii: "\""))
      case UInt8(ascii: "'"):
        guard quote == UInt8(ascii: "'") else { throw UnknownEscape("invalid \\' escape in \"-quoted string") }
        result.append(UInt8(ascii: "'"))
      case UInt8(ascii: "x"):
        guard index + 2 < end else { throw UnknownEscape("truncated hex char escape sequence") }
        guard let high = hexDigit(bytes[index + 1]), let low = hexDigit(bytes[index + 2]) else {
          let digits = String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self)
          throw UnknownEscape("invalid hex char escape sequence: \(digits)")
        }
        result.append(high << 4 | low)
        index += 2
      case let other:
        throw UnknownEscape("unsupported string escape sequence: \\\(String(decoding: [other], as: UTF8.self))")
      }
      index += 1
    }
    return result
  }

  /// A string as a condition would hold it: in quotes when it has to be.
  static func escape(_ text: String) -> String {
    var result: [UInt8] = []
    var isQuoted = false
    for byte in text.utf8 {
      switch byte {
      case 0x08: result += "\\b".utf8
      case 0x0c: result += "\\f".utf8
      case 0x0a: result += "\\n".utf8
      case 0x0d: result += "\\r".utf8
      case 0x09: result += "\\t".utf8
      case UInt8(ascii: "\\"): result += "\\\\".utf8
      case UInt8(ascii: "\""): result += "\\\"".utf8
      case UInt8(ascii: " "), UInt8(ascii: "="), UInt8(ascii: "'"), 0: result.append(byte)
      default:
        result.append(byte)
        continue
      }
      isQuoted = true
    }
    let escaped = String(decoding: result, as: UTF8.self)
    return isQuoted ? "\"\(escaped)\"" : escaped
  }

  static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

struct UnknownEscape: Error {
  let message: String

  init(_ message: String) { self.message = message }
}
