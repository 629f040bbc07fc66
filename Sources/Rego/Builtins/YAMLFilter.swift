/// Refuses text before a parser of YAML sees it: what parsers read in different ways, and what makes ours take forever or
/// recurse too deep. Text in quotes that looks like it is refused, too.
struct YAMLFilter {
  /// Of brackets that open, and of blanks and dashes before a line: lists and maps nest no deeper than twice both.
  private static let most = 128
  private static let blanks = " \t\r\n".utf8

  private var before = UInt8(ascii: "\n")
  /// The last byte that is no blank.
  private var beforeBlanks = UInt8(ascii: "\n")
  private var brackets = 0
  private var indent: Int? = 0

  /// - Throws: `EvaluationError.unsupported`.
  static func check(_ text: String) throws {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\t", "\n", "\r", " "..."~", "\u{A0}"..."\u{2027}", "\u{202A}"..."\u{D7FF}", "\u{E000}"..."\u{FEFE}",
        "\u{FF00}"..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}":
        break
      default: throw refused("such characters")
      }
    }
    var filter = YAMLFilter()
    let bytes = text.bytes
    for (index, byte) in bytes.enumerated() {
      try filter.take(byte, next: index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: "\n"))
    }
  }

  private static func refused(_ what: String) -> EvaluationError { .unsupported("YAML with \(what)") }

  private mutating func take(_ byte: UInt8, next: UInt8) throws {
    // Where something new may begin.
    let isBegin = Self.blanks.contains(before) || ",[]{}:-".utf8.contains(before)
    switch byte {
    case UInt8(ascii: "!") where isBegin: throw Self.refused("tags")
    case UInt8(ascii: "&") where isBegin, UInt8(ascii: "*") where isBegin:
      if !Self.blanks.contains(next) { throw Self.refused("anchors and aliases") }
    case UInt8(ascii: "%") where before == UInt8(ascii: "\n") || before == UInt8(ascii: "\r"):
      throw Self.refused("directives")
    case UInt8(ascii: "?") where brackets > 0 || (isBegin && Self.blanks.contains(next)): throw Self.refused("a ?")
    case UInt8(ascii: ":") where beforeBlanks == UInt8(ascii: "]") || beforeBlanks == UInt8(ascii: "}"):
      throw Self.refused("lists or maps for keys")
    case UInt8(ascii: "]") where before == UInt8(ascii: ":"), UInt8(ascii: "}") where before == UInt8(ascii: ":"),
      UInt8(ascii: ",") where before == UInt8(ascii: ":"):
      throw Self.refused("a : before a bracket or comma")
    case UInt8(ascii: "\\") where !#"\"nrt0"#.utf8.contains(next) && !Self.blanks.contains(next):
      throw Self.refused("such escapes")
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      brackets += 1
      guard brackets <= Self.most else { throw Self.refused("so many brackets") }
    default: break
    }
    try count(byte)
    before = byte
    if !Self.blanks.contains(byte) { beforeBlanks = byte }
  }

  /// Blanks and dashes at the beginning of a line.
  private mutating func count(_ byte: UInt8) throws {
    if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
      indent = 0
    } else if let own = indent {
      indent = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "\t") ? own + 1 : nil
      guard own < Self.most else { throw Self.refused("so much before a line") }
    }
  }
}
