import BigInt

extension Builtins {
  static let strings: [Builtin] = [
    Builtin.texts("contains") { text, part, context in
      try context.spend(bytes: text.utf8.count)
      return .truth(text.bytes.place(of: part.bytes) != nil)
    },
    Builtin.texts("startswith") { text, prefix, _ in .truth(text.utf8.starts(with: prefix.utf8)) },
    Builtin.texts("endswith") { text, suffix, _ in .truth(text.utf8.reversed().starts(with: suffix.utf8.reversed())) },
    Builtin.texts("indexof") { text, part, context in
      guard !part.utf8.isEmpty else { return nil }
      try context.spend(bytes: text.utf8.count)
      let bytes = text.bytes
      guard let place = bytes.place(of: part.bytes) else { return -1 }
      return .int(Array(bytes[..<place]).scalarCount)
    },
    Builtin.texts("indexof_n") { text, part, context in
      guard !part.utf8.isEmpty else { return nil }
      try context.spend(text.utf8.count)
      let (bytes, wanted) = (text.bytes, part.bytes)
      var (places, counted, index) = ([Value](), 0, 0)
      // Those that overlap count too.
      for place in bytes.places(of: wanted, overlapping: true) {
        index += Array(bytes[counted..<place]).scalarCount
        places.append(.int(index))
        counted = place
      }
      return .array(places)
    },
    Builtin.texts("strings.count") { text, part, context in
      try context.spend(text.utf8.count)
      guard !part.utf8.isEmpty else { return .int(text.unicodeScalars.count + 1) }
      return .int(text.bytes.places(of: part.bytes).count)
    },
    anyMatch("strings.any_prefix_match") { $0.starts(with: $1) },
    anyMatch("strings.any_suffix_match") { $0.reversed().starts(with: $1.reversed()) },
    Builtin("concat", 2) { arguments, context in
      guard let separator = arguments[0].text, let texts = arguments[1].texts else { return nil }
      let length = texts.reduce(0) { $0 + $1.utf8.count } + separator.utf8.count * max(texts.count - 1, 0)
      try context.spend(bytes: length)
      try context.spend(texts.count)
      return .string(texts.joined(separator: separator))
    },
    Builtin.texts("split") { text, separator, context in
      try context.spend(text.utf8.count)
      guard !separator.utf8.isEmpty else { return .array(text.unicodeScalars.map { .string(String($0)) }) }
      let (bytes, wanted) = (text.bytes, separator.bytes)
      var (parts, next) = ([Value](), 0)
      for place in bytes.places(of: wanted) {
        parts.append(.string(String(decoding: bytes[next..<place], as: UTF8.self)))
        next = place + wanted.count
      }
      parts.append(.string(String(decoding: bytes[next...], as: UTF8.self)))
      return .array(parts)
    },
    Builtin.text("strings.reverse") { text, context in
      try context.spend(bytes: text.utf8.count)
      return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
    },
    Builtin.text("lower") { text, context in
      try context.spend(bytes: text.utf8.count)
      return .string(text.mapped(\.lower))
    },
    Builtin.text("upper") { text, context in
      try context.spend(bytes: text.utf8.count)
      return .string(text.mapped(\.upper))
    },
    Builtin("format_int", 2) { arguments, _ in
      guard let number = arguments[0].number, let base = arguments[1].number else { return nil }
      guard ["2", "8", "10", "16"].contains(base.text), let radix = base.int else { return nil }
      switch number {
      case .int(let int): return .string(String(int, radix: radix))
      case .big(let big): return .string(String(big, radix: radix))
      case .real: break
      }
      guard let whole = BigInt(exactly: number.real.rounded(.towardZero)) else { return nil }
      return .string(String(whole, radix: radix))
    },
    Builtin("sprintf", 2) { arguments, context in
      guard let format = arguments[0].text, let items = arguments[1].items else { return nil }
      for item in items { try context.spend(bytes: try item.leastLength(context)) }
      var printer = Printer(format, items.map(Printer.Argument.init), context)
      try printer.print()
      return .string(String(repairing: printer.output))
    },
  ]

  /// Whether one of the strings has one of the parts at its begin or end.
  private static func anyMatch(
    _ name: String, _ matches: @escaping @Sendable (String.UTF8View, String.UTF8View) -> Bool
  ) -> Builtin {
    Builtin(name, 2) { arguments, context in
      guard let texts = arguments[0].text.map({ [$0] }) ?? arguments[0].texts,
        let parts = arguments[1].text.map({ [$0] }) ?? arguments[1].texts
      else { return nil }
      for text in texts {
        try context.spend(parts.reduce(parts.count) { $0 + min($1.utf8.count, text.utf8.count) / 64 })
        if parts.contains(where: { matches(text.utf8, $0.utf8) }) { return true }
      }
      return false
    }
  }
}

extension String {
  /// Character by character, as Go does.
  func mapped(_ map: (Unicode.Scalar) -> Unicode.Scalar) -> String {
    String(String.UnicodeScalarView(unicodeScalars.map(map)))
  }
}

extension Unicode.Scalar {
  /// The one character that it is in lower case.
  var lower: Unicode.Scalar {
    let scalar = properties.lowercaseMapping.unicodeScalars.first ?? self
    return isKnown && scalar.isKnown ? scalar : self
  }

  /// The one character that it is in upper case; itself when that would take several.
  var upper: Unicode.Scalar {
    for mapping in [properties.uppercaseMapping, properties.titlecaseMapping] {
      let scalars = mapping.unicodeScalars
      if scalars.count == 1, let scalar = scalars.first { return isKnown && scalar.isKnown ? scalar : self }
    }
    return self
  }

  /// Whether Unicode 15.0 has it, which is what OPA knows.
  var isKnown: Bool { properties.age.map { $0.major < 15 || ($0.major == 15 && $0.minor == 0) } ?? false }
}
