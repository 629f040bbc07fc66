extension Builtins {
  /// Functions that give a part of a string.
  static let slices: [Builtin] = [
    Builtin("substring", 3) { arguments, context in
      guard let text = arguments[0].text, let start = arguments[1].number?.plainInt,
        let length = arguments[2].number?.plainInt, start >= 0
      else { return nil }
      try context.spend(bytes: text.utf8.count)
      let rest = text.unicodeScalars.dropFirst(start)
      return .string(String(length < 0 ? rest : rest.prefix(length)))
    },
    trimming("trim", left: true, right: true),
    trimming("trim_left", left: true, right: false),
    trimming("trim_right", left: false, right: true),
    Builtin.text("trim_space") { text, context in
      try context.spend(bytes: text.utf8.count)
      return .string(trim(text, left: true, right: true) { $0.properties.isWhitespace })
    },
    Builtin.texts("trim_prefix") { text, prefix, _ in
      guard text.utf8.starts(with: prefix.utf8) else { return .string(text) }
      return .string(String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self))
    },
    Builtin.texts("trim_suffix") { text, suffix, _ in
      guard text.utf8.reversed().starts(with: suffix.utf8.reversed()) else { return .string(text) }
      return .string(String(decoding: text.utf8.dropLast(suffix.utf8.count), as: UTF8.self))
    },
  ]

  private static func trimming(_ name: String, left: Bool, right: Bool) -> Builtin {
    Builtin.texts(name) { text, characters, context in
      try context.spend(bytes: text.utf8.count)
      let characters = Set(characters.unicodeScalars)
      return .string(trim(text, left: left, right: right, characters.contains))
    }
  }

  private static func trim(
    _ text: String, left: Bool, right: Bool, _ isTrimmed: (Unicode.Scalar) -> Bool
  ) -> String {
    var scalars = text.unicodeScalars[...]
    if left { scalars = scalars.drop(while: isTrimmed) }
    if right {
      while let last = scalars.last, isTrimmed(last) { scalars.removeLast() }
    }
    return String(scalars)
  }

  static let replacing: [Builtin] = [
    Builtin("replace", 3) { arguments, context in
      guard let text = arguments[0].text, let old = arguments[1].text, let new = arguments[2].text else { return nil }
      return .string(try Replacer([(old.bytes, new.bytes)]).replace(text.bytes, context))
    },
    Builtin("strings.replace_n", 2) { arguments, context in
      guard let patterns = arguments[0].object, let text = arguments[1].text else { return nil }
      let pairs = patterns.entries.compactMap { entry in
        entry.key.text.flatMap { old in entry.value.text.map { (old.bytes, $0.bytes) } }
      }
      guard pairs.count == patterns.count else { return nil }
      return .string(try Replacer(pairs).replace(text.bytes, context))
    },
  ]
}

/// Replaces some strings by others, all at once. At one place, the first of those that fit counts.
struct Replacer {
  private let pairs: [(old: [UInt8], new: [UInt8])]

  init(_ pairs: [(old: [UInt8], new: [UInt8])]) { self.pairs = pairs }

  /// Nothing fits before every byte and at the end, but not after itself.
  func replace(_ text: [UInt8], _ context: BuiltinContext) throws -> String {
    if pairs.count == 1, let pair = pairs.first, !pair.old.isEmpty { return try replace(text, pair, context) }
    var byFirst: [UInt8: [Int]] = [:]
    for (index, pair) in pairs.enumerated() {
      if let first = pair.old.first { byFirst[first, default: []].append(index) }
    }
    let empty = pairs.firstIndex { $0.old.isEmpty }
    var (output, index, kept, wasEmpty) = ([UInt8](), 0, 0, false)
    try context.spend(text.count)
    while index <= text.count {
      var candidates = index < text.count ? byFirst[text[index]] ?? [] : []
      if let empty, !wasEmpty { candidates = [empty] + candidates }
      try context.spend(candidates.count)
      guard let found = candidates.sorted().first(where: { text.has(pairs[$0].old, at: index) }) else {
        wasEmpty = false
        index += 1
        continue
      }
      let pair = pairs[found]
      output += text[kept..<index]
      output += pair.new
      guard output.count <= BuiltinContext.longestText else { throw BudgetExceeded() }
      try context.spend(pair.new.count / 64)
      wasEmpty = pair.old.isEmpty
      index += pair.old.count
      kept = index
    }
    if kept < text.count { output += text[kept...] }
    try context.spend(bytes: output.count)
    return String(repairing: output)
  }

  private func replace(
    _ text: [UInt8], _ pair: (old: [UInt8], new: [UInt8]), _ context: BuiltinContext
  ) throws -> String {
    try context.spend(bytes: text.count)
    let places = text.places(of: pair.old).count
    try context.spend(bytes: text.count + places * (pair.new.count - pair.old.count))
    return String(repairing: Self.replace(text, old: pair.old, new: pair.new))
  }

  /// Each place where some bytes are.
  static func replace(_ text: [UInt8], old: [UInt8], new: [UInt8]) -> [UInt8] {
    guard !old.isEmpty else { return text }
    var (output, next) = ([UInt8](), 0)
    for place in text.places(of: old) {
      output += text[next..<place] + new
      next = place + old.count
    }
    return output + text[next...]
  }
}
