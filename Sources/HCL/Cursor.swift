import Faults

/// A text and the place in it that is read next.
struct Cursor {
  private let file: String
  private let scalars: [Unicode.Scalar]
  private(set) var offset = 0
  private(set) var line = 1

  /// Turns CRLF into LF, as OpenBao does before it reads.
  ///
  /// - Throws: `Fault(.invalid)` when the text is too long, or has a byte order mark or a control character.
  init(_ text: String, file: String) throws {
    self.file = file
    guard text.utf8.count <= HCLDocument.longestText else {
      let reason = "found \(text.utf8.count) bytes, expected at most \(HCLDocument.longestText)"
      throw Fault(.invalid, operation: "read \(file):1:1", reason: reason, remedy: "split the file")
    }
    var scalars: [Unicode.Scalar] = []
    for scalar in text.unicodeScalars {
      if scalar == "\n", scalars.last == "\r" { scalars.removeLast() }
      scalars.append(scalar)
    }
    self.scalars = scalars
    let refused = scalars.firstIndex { $0.isControl && $0 != "\n" && $0 != "\t" }
    if let place = scalars.first == "\u{FEFF}" ? 0 : refused {
      let reason = "found the character \(shown(scalars[place])), expected plain text"
      throw fault(at: place, reason, remedy: "remove it, or write it as \\uXXXX in a quoted text")
    }
  }

  /// Nil at the end of the file.
  var next: Unicode.Scalar? { peek(0) }

  func peek(_ distance: Int) -> Unicode.Scalar? {
    offset + distance < scalars.count ? scalars[offset + distance] : nil
  }

  mutating func advance() {
    guard let scalar = next else { return }
    if scalar == "\n" { line += 1 }
    offset += 1
  }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    advance()
    return true
  }

  mutating func take(while accepts: (Unicode.Scalar) -> Bool) -> ArraySlice<Unicode.Scalar> {
    let start = offset
    while let scalar = next, accepts(scalar) { advance() }
    return scalars[start..<offset]
  }

  /// Passes spaces, tabs and comments: `#` and `//` up to the end of the line, and `/* */`.
  ///
  /// - Throws: `Fault(.invalid)` when a comment does not end.
  mutating func skipBlanks(andLines: Bool = false) throws {
    while let scalar = next {
      switch scalar {
      case " ", "\t": advance()
      case "\n" where andLines: advance()
      case "#": _ = take { $0 != "\n" }
      case "/" where peek(1) == "/": _ = take { $0 != "\n" }
      case "/" where peek(1) == "*": try skipInlineComment()
      default: return
      }
    }
  }

  private mutating func skipInlineComment() throws {
    let start = offset
    advance()
    advance()
    while next != nil {
      if take("*") {
        if take("/") { return }
      } else {
        advance()
      }
    }
    throw fault(at: start, "found a comment without its end, expected '*/'", remedy: "close the comment")
  }

  /// The place is the cursor's own unless an offset is given.
  func fault(at place: Int? = nil, _ reason: String, remedy: String) -> Fault {
    let before = scalars[..<(place ?? offset)]
    let line = 1 + before.count { $0 == "\n" }
    let column = before.count - (before.lastIndex(of: "\n").map { $0 + 1 } ?? 0) + 1
    return Fault(.invalid, operation: "read \(file):\(line):\(column)", reason: reason, remedy: remedy)
  }

  /// A fault about what stands at the cursor.
  func unexpected(expected: String, remedy: String) -> Fault {
    fault("found \(found), expected \(expected)", remedy: remedy)
  }

  private var found: String {
    guard let scalar = next else { return "the end of the file" }
    if scalar == "\n" { return "the end of the line" }
    if scalar == "\"" { return "a quoted text" }
    return scalar.startsName ? shown(scalars[offset...].prefix { $0.continuesName }) : shown(scalar)
  }
}

/// Text for an error: in quotes, of bounded length, and without characters that act on a terminal.
func shown(_ text: some Sequence<Unicode.Scalar>) -> String {
  let start = Array(text.prefix(41))
  let visible = start.prefix(40).map { $0.isASCII && !$0.isControl ? String($0) : $0.escaped(asASCII: true) }
  return "'\(visible.joined())\(start.count > 40 ? "…" : "")'"
}

func shown(_ scalar: Unicode.Scalar) -> String { shown(CollectionOfOne(scalar)) }

extension Unicode.Scalar {
  var isControl: Bool { value < 0x20 || value == 0x7F }
  var isDigit: Bool { ("0"..."9").contains(self) }
  /// Names are ASCII, unlike in the specification: OpenBao knows other letters than HCL 2.
  var startsName: Bool { ("a"..."z").contains(self) || ("A"..."Z").contains(self) || self == "_" }
  var continuesName: Bool { startsName || isDigit || self == "-" }
}
