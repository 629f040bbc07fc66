extension Builtins {
  /// Functions of the part of a URL after "?".
  static let queries: [Builtin] = [
    Builtin.text("urlquery.encode") { text, context in
      try context.spend(bytes: text.utf8.count * 3)
      return .string(Query.encode(text))
    },
    Builtin.text("urlquery.decode") { text, context in
      try context.spend(bytes: text.utf8.count)
      return Query.decode(text.bytes[...]).map(Value.string)
    },
    Builtin("urlquery.encode_object", 1) { arguments, context in
      guard let object = arguments[0].object else { return nil }
      var pairs: [String] = []
      let byText = object.entries.map { ($0.key.keyText, $0.value) }
      for (key, value) in byText.sorted(by: { byteOrder($0.0, $1.0) < 0 }) {
        guard let texts = value.text.map({ [$0] }) ?? value.texts else { return nil }
        for text in texts {
          try context.spend(bytes: (key.utf8.count + text.utf8.count) * 3)
          pairs.append(Query.encode(key) + "=" + Query.encode(text))
        }
      }
      return .string(pairs.joined(separator: "&"))
    },
    Builtin.text("urlquery.decode_object") { text, context in
      try context.spend(text.utf8.count)
      var entries = ObjectValue()
      for pair in text.bytes.split(separator: UInt8(ascii: "&")) {
        guard !pair.contains(UInt8(ascii: ";")) else { return nil }
        let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        guard let key = halves.first.flatMap(Query.decode),
          let value = halves.count > 1 ? Query.decode(halves[1]) : ""
        else { return nil }
        let values = entries[key]?.items ?? []
        try context.spend(values.count)
        entries[.string(key)] = .array(values + [.string(value)])
      }
      return .object(entries)
    },
  ]
}

private enum Query {
  static func encode(_ text: String) -> String {
    var output: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
        UInt8(ascii: "~"):
        output.append(byte)
      case UInt8(ascii: " "): output.append(UInt8(ascii: "+"))
      default: output += ("%" + Quote.hex(UInt32(byte), width: 2).uppercased()).utf8
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  static func decode(_ bytes: ArraySlice<UInt8>) -> String? {
    var output: [UInt8] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
      switch bytes[index] {
      case UInt8(ascii: "%"):
        guard index + 2 < bytes.endIndex, let high = Builtins.hexDigit(bytes[index + 1]),
          let low = Builtins.hexDigit(bytes[index + 2])
        else { return nil }
        output.append(high << 4 | low)
        index += 2
      case UInt8(ascii: "+"): output.append(UInt8(ascii: " "))
      case let byte: output.append(byte)
      }
      index += 1
    }
    return String(repairing: output)
  }
}
