import Foundation

/// JSON written as YAML in block style, the keys sorted. Every string that YAML could read as something else is quoted.
struct YAMLText: CustomStringConvertible {
  let description: String

  init(json: [UInt8]) throws {
    let value = try JSONDecoder().decode(Value.self, from: Data(json))
    var lines: [String] = []
    Self.write(value, indent: 0, to: &lines)
    description = lines.joined(separator: "\n") + "\n"
  }

  private static func write(_ value: Value, indent: Int, to lines: inout [String]) {
    let space = String(repeating: " ", count: indent)
    switch value {
    case .object(let fields) where !fields.isEmpty:
      for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
        if let scalar = scalar(value) {
          lines.append("\(space)\(quoted(key)): \(scalar)")
        } else {
          lines.append("\(space)\(quoted(key)):")
          write(value, indent: indent + 2, to: &lines)
        }
      }
    case .array(let items) where !items.isEmpty:
      for item in items {
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
  private static func scalar(_ value: Value) -> String? {
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
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        result += "\\x" + (digits.count == 1 ? "0" : "") + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

private enum Value: Decodable {
  case null, bool(Bool), int(Int64), unsigned(UInt64), double(Double), string(String), array([Value])
  case object([String: Value])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    // Each try is a question about the value's kind; the last one's error is the one that counts.
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .int(value)
    } else if let value = try? container.decode(UInt64.self) {
      self = .unsigned(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([Value].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: Value].self))
    }
  }
}
