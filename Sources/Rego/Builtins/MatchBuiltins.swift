extension Builtins {
  static let matching: [Builtin] = [
    Builtin.texts("regex.match", match),
    Builtin.texts("re_match", match),
    Builtin("regex.is_valid", 1) { arguments, context in
      guard let pattern = arguments[0].text else { return false }
      return .truth(try context.expression(pattern) != nil)
    },
    Builtin.texts("regex.split") { pattern, text, context in
      guard let expression = try context.expression(pattern) else { return nil }
      let bytes = text.bytes
      if bytes.isEmpty, !pattern.utf8.isEmpty { return [""] }
      var (parts, begin, end) = ([Value](), 0, 0)
      for match in try expression.matches(bytes, atMost: .max, groups: 1, context) {
        guard let whole = match.first ?? nil else { continue }
        end = whole.lowerBound
        if whole.upperBound != 0 { parts.append(.string(String(decoding: bytes[begin..<end], as: UTF8.self))) }
        begin = whole.upperBound
      }
      if end != bytes.count { parts.append(.string(String(decoding: bytes[begin...], as: UTF8.self))) }
      return .array(parts)
    },
    Builtin("regex.find_n", 3) { arguments, context in
      try find(arguments, context, groups: { _ in 1 }) { texts in texts.first ?? "" }
    },
    Builtin("regex.find_all_string_submatch_n", 3) { arguments, context in
      try find(arguments, context, groups: \.groups) { texts in .array(texts) }
    },
    Builtin("regex.replace", 3) { arguments, context in
      guard let text = arguments[0].text, let pattern = arguments[1].text, let template = arguments[2].text,
        let expression = try context.expression(pattern)
      else { return nil }
      let (bytes, parts) = (text.bytes, Template.parse(template.bytes, names: expression.names))
      var (output, kept) = ([UInt8](), 0)
      for match in try expression.matches(bytes, atMost: .max, groups: expression.groups, context) {
        guard let whole = match.first ?? nil else { continue }
        output += bytes[kept..<whole.lowerBound]
        for part in parts {
          switch part {
          case .text(let text): output += text
          case .groups(let groups):
            if let group = groups.first(where: { $0 < match.count && match[$0] != nil }), let range = match[group] {
              output += bytes[range]
            }
          }
          guard output.count <= BuiltinContext.longestText else { throw BudgetExceeded() }
        }
        try context.spend(1 + parts.count)
        kept = whole.upperBound
      }
      output += bytes[kept...]
      try context.spend(bytes: output.count)
      return .string(String(repairing: output))
    },
    Builtin("regex.template_match", 4) { arguments, context in
      guard let template = arguments[0].text, let text = arguments[1].text, let start = arguments[2].text?.bytes,
        let end = arguments[3].text?.bytes, start.count == 1, end.count == 1,
        let pattern = try Template.pattern(template.bytes, start[0], end[0], context),
        let expression = try context.expression(pattern)
      else { return nil }
      try context.spend(bytes: text.utf8.count)
      return .truth(expression.matches(text.bytes))
    },
  ]

  @Sendable private static func match(
    _ pattern: String, _ text: String, _ context: BuiltinContext
  ) throws -> Value? {
    guard let expression = try context.expression(pattern) else { return nil }
    try context.spend(bytes: text.utf8.count)
    return .truth(expression.matches(text.bytes))
  }

  private static func find(
    _ arguments: Slots, _ context: BuiltinContext, groups: (SearchExpression) -> Int, _ make: ([Value]) -> Value
  ) throws -> Value? {
    guard let pattern = arguments[0].text, let text = arguments[1].text, let most = arguments[2].number?.plainInt,
      let expression = try context.expression(pattern)
    else { return nil }
    let bytes = text.bytes
    let matches = try expression.matches(
      bytes, atMost: most < 0 ? .max : most, groups: groups(expression), context)
    var found: [Value] = []
    for match in matches {
      try context.spend(match.count)
      found.append(
        make(match.map { range in range.map { .string(String(decoding: bytes[$0], as: UTF8.self)) } ?? "" }))
    }
    return .array(found)
  }
}

/// What takes the place of a match: texts and groups.
enum Template {
  enum Part {
    case text([UInt8])
    /// The first of these that took part.
    case groups([Int])
  }

  /// - Parameter names: those of the groups.
  static func parse(_ template: [UInt8], names: [[UInt8]?]) -> [Part] {
    var parts: [Part] = []
    var index = 0
    let dollar = UInt8(ascii: "$")
    while index < template.count {
      guard let place = template[index...].firstIndex(of: dollar) else { break }
      parts.append(.text(Array(template[index..<place])))
      index = place + 1
      if index < template.count, template[index] == dollar {
        parts.append(.text([dollar]))
        index += 1
      } else if let (name, end) = name(template, at: index) {
        if let number = number(name) {
          parts.append(.groups([number]))
        } else {
          // Several may have the same name.
          parts.append(.groups(names.indices.filter { names[$0] == name }))
        }
        index = end
      } else {
        parts.append(.text([dollar]))
      }
    }
    if index < template.count { parts.append(.text(Array(template[index...]))) }
    return parts
  }

  /// A name after "$", in braces or not, and where it ends.
  private static func name(_ template: [UInt8], at start: Int) -> (name: [UInt8], end: Int)? {
    let isBraced = start < template.count && template[start] == UInt8(ascii: "{")
    let begin = isBraced ? start + 1 : start
    var end = begin
    while end < template.count {
      let (scalar, length) = String.scalar(template, at: end)
      guard let scalar, scalar == "_" || scalar.isLetterOrDigit else { break }
      end += length
    }
    guard end > begin else { return nil }
    guard isBraced else { return (Array(template[begin..<end]), end) }
    guard end < template.count, template[end] == UInt8(ascii: "}") else { return nil }
    return (Array(template[begin..<end]), end + 1)
  }

  private static func number(_ name: [UInt8]) -> Int? {
    guard name.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), name.count == 1 || name.first != 0x30, name.count < 10
    else { return nil }
    return Int(String(decoding: name, as: UTF8.self))
  }

  /// The expression for a text with expressions between two marks.
  static func pattern(
    _ template: [UInt8], _ start: UInt8, _ end: UInt8, _ context: BuiltinContext
  ) throws -> String? {
    var (level, begin, rest) = (0, 0, 0)
    var pattern = Array("^".utf8)
    for (index, byte) in template.enumerated() {
      if byte == start {
        level += 1
        if level == 1 { begin = index }
      } else if byte == end {
        level -= 1
        guard level >= 0 else { return nil }
        guard level == 0 else { continue }
        let inner = Array(template[(begin + 1)..<index])
        guard try context.expression("^\(String(repairing: inner))$") != nil
        else { return nil }
        pattern += quoted(template[rest..<begin]) + Array("(".utf8) + inner + Array(")".utf8)
        rest = index + 1
      }
    }
    guard level == 0 else { return nil }
    return String(repairing: pattern + quoted(template[rest...]) + Array("$".utf8))
  }

  /// For these bytes themselves.
  static func quoted(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let special = Set("\\.+*?()|[]{}^$".utf8)
    return bytes.flatMap { special.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] }
  }
}

extension Unicode.Scalar {
  var isLetterOrDigit: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber: true
    default: false
    }
  }
}
