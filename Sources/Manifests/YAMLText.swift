import JSONValues

/// JSON written as YAML in block style, the keys sorted. Every string that YAML, of version 1.1 or 1.2, could read as
/// something else is quoted, and text of several lines is written as such.
package struct YAMLText: CustomStringConvertible {
  package let description: String

  package init(json: [UInt8]) throws {
    var lines: [String] = []
    Self.write(try JSON(json), indent: 0, to: &lines)
    description = lines.joined(separator: "\n") + "\n"
  }

  private static func write(_ value: JSON, indent: Int, to lines: inout [String]) {
    let space = String(repeating: " ", count: indent)
    switch value {
    case .object(let fields) where !fields.isEmpty:
      for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
        if let block = block(value, indent: indent + 2) {
          lines.append("\(space)\(quoted(key)): \(block.header)")
          lines += block.lines
        } else if let scalar = scalar(value) {
          lines.append("\(space)\(quoted(key)): \(scalar)")
        } else {
          lines.append("\(space)\(quoted(key)):")
          write(value, indent: indent + 2, to: &lines)
        }
      }
    case .array(let items) where !items.isEmpty:
      for item in items {
        if let block = block(item, indent: indent + 2) {
          lines.append("\(space)- \(block.header)")
          lines += block.lines
          continue
        }
        if let scalar = scalar(item) {
          lines.append("\(space)- \(scalar)")
          continue
        }
        let start = lines.count
        write(item, indent: indent + 2, to: &lines)
        lines[start] = "\(space)- \(lines[start].dropFirst(indent + 2))"
      }
    default: lines.append(space + (scalar(value) ?? "null"))
    }
  }

  /// - Returns: `nil` for what takes lines of its own.
  private static func scalar(_ value: JSON) -> String? {
    switch value {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .int(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .double(let value): "\(value)"
    case .string(let text): quoted(text)
    case .array(let items): items.isEmpty ? "[]" : nil
    case .object(let fields): fields.isEmpty ? "{}" : nil
    }
  }

  /// Text of several lines in literal style (YAML 1.2.2 §8.1.2).
  ///
  /// - Returns: `nil` for what is not, or would not be read as it is: a first line with an indentation, a character
  ///   that is not printable or is a line break of another kind.
  private static func block(_ value: JSON, indent: Int) -> (header: String, lines: [String])? {
    guard case .string(let text) = value, text.contains("\n"), let first = text.first, first != " ", first != "\n"
    else {
      return nil
    }
    let printable = text.unicodeScalars.allSatisfy { scalar in
      switch scalar.value {
      case 0x0a, 0x20...0x7e, 0xa0...0xd7ff, 0xe000...0xfefe, 0xff00...0xfffd: scalar.value & ~1 != 0x2028
      default: false
      }
    }
    guard printable else { return nil }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let last = lines.last else { return nil }
    let header = !last.isEmpty ? "|-" : lines.dropLast().last?.isEmpty == true ? "|+" : "|"
    if last.isEmpty { lines.removeLast() }
    let space = String(repeating: " ", count: indent)
    return (header, lines.map { $0.isEmpty ? "" : space + $0 })
  }

  /// Plain only what begins with a letter and holds nothing with a meaning (YAML 1.2.2 §7.3.3), else in double quotes.
  private static func quoted(_ text: String) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
    let plain = text.unicodeScalars.allSatisfy { scalar in
      scalar.isASCII
        && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "-_./".unicodeScalars.contains(scalar))
    }
    if plain, text.first?.isLetter == true, !words.contains(text.lowercased()) { return text }
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
        let digits = String(scalar.value, radix: 16)
        result += "\\x" + (digits.count == 1 ? "0" : "") + digits
      case "\u{2028}", "\u{2029}", "\u{feff}": result += "\\u" + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
