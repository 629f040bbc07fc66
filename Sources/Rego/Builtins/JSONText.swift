extension Value {
  /// Sets are arrays in it. Keys that are no strings become their own JSON.
  package var json: String {
    var writer = JSONWriter()
    writer.write(self)
    return String(decoding: writer.output, as: UTF8.self)
  }
}

/// Writes JSON without spaces.
struct JSONWriter {
  private(set) var output: [UInt8] = []
  /// Whether signs that mean something in HTML are escaped, as OPA's `json.marshal` does.
  private let isHTMLSafe: Bool
  /// How deep is indented, with what; and what begins each line.
  private let indent: (prefix: String, step: String)?

  init(isHTMLSafe: Bool = false, indent: (prefix: String, step: String)? = nil) {
    self.isHTMLSafe = isHTMLSafe
    self.indent = indent
  }

  mutating func write(_ value: Value, depth: Int = 0) {
    switch value {
    case .null: output += "null".utf8
    case .bool(let value): output += (value ? "true" : "false").utf8
    case .number(let number): output += number.json.utf8
    case .string(let text): write(text)
    case .array(let array): write(array.items, depth)
    case .set(let set): write(set.members, depth)
    case .object(let object): write(object, depth)
    }
  }

  private mutating func write(_ items: [Value], _ depth: Int) {
    output.append(UInt8(ascii: "["))
    for (index, item) in items.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      newLine(depth + 1)
      write(item, depth: depth + 1)
    }
    if !items.isEmpty { newLine(depth) }
    output.append(UInt8(ascii: "]"))
  }

  private mutating func write(_ object: ObjectValue, _ depth: Int) {
    output.append(UInt8(ascii: "{"))
    for (index, entry) in object.byText.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      newLine(depth + 1)
      write(entry.key)
      output.append(UInt8(ascii: ":"))
      if indent != nil { output.append(UInt8(ascii: " ")) }
      write(entry.value, depth: depth + 1)
    }
    if object.count > 0 { newLine(depth) }
    output.append(UInt8(ascii: "}"))
  }

  private mutating func newLine(_ depth: Int) {
    guard let indent else { return }
    output.append(UInt8(ascii: "\n"))
    output += indent.prefix.utf8
    for _ in 0..<depth { output += indent.step.utf8 }
  }

  private mutating func write(_ text: String) {
    output.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": output += [UInt8(ascii: "\\"), UInt8(truncatingIfNeeded: scalar.value)]
      case "\n": output += "\\n".utf8
      case "\r": output += "\\r".utf8
      case "\t": output += "\\t".utf8
      case "\u{8}": output += "\\b".utf8
      case "\u{C}": output += "\\f".utf8
      case "<" where isHTMLSafe, ">" where isHTMLSafe, "&" where isHTMLSafe: escape(scalar)
      // These end lines in JavaScript.
      case "\u{2028}", "\u{2029}": escape(scalar)
      case _ where scalar.value < 0x20: escape(scalar)
      default: output += UTF8.encode(scalar).map(Array.init) ?? []
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    output += ("\\u" + Quote.hex(scalar.value, width: 4)).utf8
  }
}

extension Value {
  /// As a key in JSON.
  var keyText: String {
    if let text { return text }
    var writer = JSONWriter(isHTMLSafe: true)
    writer.write(self)
    return String(decoding: writer.output, as: UTF8.self)
  }
}

extension ObjectValue {
  /// With the keys as texts, in the order of these.
  fileprivate var byText: [(key: String, value: Value)] {
    let texts = entries.map { ($0.key.keyText, $0.value) }
    if entries.allSatisfy({ $0.key.text != nil }) { return texts }
    // Of two keys with the same text, such as 1 and "1", only one can be there.
    return ObjectValue(texts.map { (.string($0.0), $0.1) }).entries.map { ($0.key.text ?? "", $0.value) }
  }
}

extension Number {
  /// The text, if JSON has such numbers.
  fileprivate var json: String {
    guard case .real(let value, let text) = self else { return self.text }
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    let isPlain = digits.utf8.first.map { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ?? false
    return isPlain && !text.utf8.contains(UInt8(ascii: "x")) ? text : Digits(value).short(longest: 21)
  }
}
