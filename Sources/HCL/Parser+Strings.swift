import Faults

/// Quoted text and heredocs: the template expressions of the specification, without templates.
extension Parser {
  /// The text at the cursor, which stands before the opening quote.
  mutating func quoted() throws -> String {
    let start = cursor.offset
    var text = String.UnicodeScalarView()
    cursor.advance()
    while let scalar = cursor.next, scalar != "\n" {
      if cursor.take("\"") { return String(text) }
      if scalar == "\\" {
        text.append(try escape())
      } else {
        try refuseTemplate(remedy: "write \(scalar)\\u007b for a plain '\(scalar){'")
        text.append(scalar)
        cursor.advance()
      }
    }
    throw cursor.fault(
      at: start, "found a quoted text that does not end on its line, expected '\"'",
      remedy: "close the quote, and write a line break as \\n or use a heredoc")
  }

  private mutating func escape() throws -> Unicode.Scalar {
    let start = cursor.offset
    cursor.advance()
    switch cursor.next {
    case "n"?: return plain("\n")
    case "r"?: return plain("\r")
    case "t"?: return plain("\t")
    case let scalar? where scalar == "\"" || scalar == "\\": return plain(scalar)
    case "u"?: return try numbered(digits: 4, from: start)
    case "U"?: return try numbered(digits: 8, from: start)
    default:
      throw cursor.fault(
        at: start, "found an unknown escape, expected \\n, \\r, \\t, \\\", \\\\, \\uXXXX or \\UXXXXXXXX",
        remedy: "write a plain backslash as \\\\")
    }
  }

  private mutating func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    cursor.advance()
    return scalar
  }

  private mutating func numbered(digits: Int, from start: Int) throws -> Unicode.Scalar {
    cursor.advance()
    var number = ""
    while number.count < digits, let scalar = cursor.next, scalar.properties.isASCIIHexDigit {
      number.unicodeScalars.append(scalar)
      cursor.advance()
    }
    guard number.count == digits, let scalar = UInt32(number, radix: 16).flatMap(Unicode.Scalar.init) else {
      throw cursor.fault(
        at: start, "found an escape of no character, expected \(digits) hexadecimal digits of a Unicode scalar",
        remedy: "write \\uXXXX, or \\UXXXXXXXX up to \\U0010FFFF, and no surrogates")
    }
    return scalar
  }

  /// The text at the cursor, which stands before `<<`, up to the line break after the closing marker.
  ///
  /// After `<<-` OpenBao removes the indentation of the closing marker from every line, or nothing when one line,
  /// even an empty one, is indented less (`unindentHeredoc` in its HCL). HCL 2 removes what all lines share.
  mutating func heredoc() throws -> String {
    let start = cursor.offset
    cursor.advance()
    cursor.advance()
    let isIndented = cursor.take("-")
    let marker = cursor.take { $0.startsName || $0.isDigit }
    guard marker.first?.startsName == true, cursor.next == "\n" else {
      throw cursor.unexpected(
        expected: "a marker such as EOT, then the end of the line", remedy: "begin the text on a line of its own")
    }
    var lines: [ArraySlice<Unicode.Scalar>] = []
    while cursor.take("\n") {
      let lineStart = cursor.offset
      let line = try heredocLine()
      let indentation = line.prefix { $0 == " " || $0 == "\t" }
      guard line.dropFirst(indentation.count) == marker, cursor.next == "\n" else {
        lines.append(line)
        continue
      }
      guard isIndented != indentation.isEmpty else {
        throw cursor.fault(
          at: lineStart, "found \(shown(line)), expected it \(isIndented ? "indented" : "without indentation")",
          remedy: "indent the closing marker after '<<-', and only there: OpenBao reads other forms differently")
      }
      let removed = lines.allSatisfy { $0.starts(with: indentation) } ? indentation.count : 0
      return lines.map { $0.dropFirst(removed).text + "\n" }.joined()
    }
    throw cursor.fault(
      at: start, "found a text without its end, expected a line with only \(shown(marker)) and a line break",
      remedy: "close the text with its marker, and end the file with a line break")
  }

  private mutating func heredocLine() throws -> ArraySlice<Unicode.Scalar> {
    var line: ArraySlice<Unicode.Scalar> = []
    while let scalar = cursor.next, scalar != "\n" {
      try refuseTemplate(remedy: "write the text in quotes, with \(scalar)\\u007b for a plain '\(scalar){'")
      line.append(scalar)
      cursor.advance()
    }
    return line
  }

  /// `${` and `%{` begin templates in HCL 2; doubled, they stand for themselves there, but not in OpenBao.
  private func refuseTemplate(remedy: @autoclosure () -> String) throws {
    guard let scalar = cursor.next, scalar == "$" || scalar == "%" else { return }
    if cursor.peek(1) == "{" {
      throw cursor.fault("found the template '\(scalar){', expected plain text", remedy: remedy())
    }
    if cursor.peek(1) == scalar, cursor.peek(2) == "{" {
      let escaped = "\(scalar)\(scalar){"
      throw cursor.fault(
        "found '\(escaped)', which HCL 2 reads as '\(scalar){' and OpenBao as it stands, expected plain text",
        remedy: remedy())
    }
  }
}
