/// Strings in quotes, as Go writes them.
enum Quote {
  /// - Parameter isASCII: everything else is escaped.
  static func text(_ text: String, isASCII: Bool = false) -> String {
    var output = "\""
    for scalar in text.unicodeScalars { append(scalar, to: &output, quote: "\"", isASCII: isASCII) }
    return output + "\""
  }

  static func character(_ scalar: Unicode.Scalar, isASCII: Bool = false) -> String {
    var output = "'"
    append(scalar, to: &output, quote: "'", isASCII: isASCII)
    return output + "'"
  }

  private static func append(
    _ scalar: Unicode.Scalar, to output: inout String, quote: Unicode.Scalar, isASCII: Bool
  ) {
    switch scalar {
    case "\u{7}": output += "\\a"
    case "\u{8}": output += "\\b"
    case "\u{C}": output += "\\f"
    case "\n": output += "\\n"
    case "\r": output += "\\r"
    case "\t": output += "\\t"
    case "\u{B}": output += "\\v"
    case "\\", quote:
      output += "\\"
      output.unicodeScalars.append(scalar)
    default:
      if isPrinted(scalar), scalar.isASCII || !isASCII {
        output.unicodeScalars.append(scalar)
      } else if scalar.isASCII {
        output += "\\x" + hex(scalar.value, width: 2)
      } else if scalar.value < 0x1_0000 {
        output += "\\u" + hex(scalar.value, width: 4)
      } else {
        output += "\\U" + hex(scalar.value, width: 8)
      }
    }
  }

  static func hex(_ value: UInt32, width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(width - digits.count, 0)) + digits
  }

  /// Whether a character leaves ink, or is the space.
  static func isPrinted(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7F }
    return switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator,
      .paragraphSeparator:
      false
    default: scalar.isKnown
    }
  }
}
