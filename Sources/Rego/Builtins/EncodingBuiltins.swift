extension Builtins {
  static let encoding: [Builtin] = [
    encode("base64.encode") { Base64.encode($0, isURL: false, isPadded: true) },
    encode("base64url.encode") { Base64.encode($0, isURL: true, isPadded: true) },
    encode("base64url.encode_no_pad") { Base64.encode($0, isURL: true, isPadded: false) },
    encode("hex.encode") { $0.map { Quote.hex(UInt32($0), width: 2) }.joined() },
    decode("base64.decode") { Base64.decode($0, isURL: false) },
    decode("base64url.decode") { bytes in
      let isPadded = bytes.last == UInt8(ascii: "=")
      guard isPadded || bytes.count % 4 != 1 else { return nil }
      let missing = isPadded ? 0 : (4 - bytes.count % 4) % 4
      return Base64.decode(bytes + [UInt8](repeating: UInt8(ascii: "="), count: missing), isURL: true)
    },
    decode("hex.decode") { bytes in
      guard bytes.count % 2 == 0 else { return nil }
      var output: [UInt8] = []
      for index in stride(from: 0, to: bytes.count, by: 2) {
        guard let high = hexDigit(bytes[index]), let low = hexDigit(bytes[index + 1]) else { return nil }
        output.append(high << 4 | low)
      }
      return output
    },
    Builtin("base64.is_valid", 1) { arguments, context in
      guard let text = arguments[0].text else { return false }
      try context.spend(bytes: text.utf8.count)
      return .truth(Base64.decode(text.bytes, isURL: false) != nil)
    },
  ]

  private static func encode(_ name: String, _ apply: @escaping @Sendable ([UInt8]) -> String) -> Builtin {
    Builtin.text(name) { text, context in
      try context.spend(bytes: text.utf8.count * 2)
      return .string(apply(text.bytes))
    }
  }

  private static func decode(_ name: String, _ apply: @escaping @Sendable ([UInt8]) -> [UInt8]?) -> Builtin {
    Builtin.text(name) { text, context in
      try context.spend(bytes: text.utf8.count)
      return apply(text.bytes).map { .string(String(repairing: $0)) }
    }
  }

  static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  static let documents: [Builtin] = [
    Builtin("json.marshal", 1) { arguments, context in
      try context.spend(bytes: arguments[0].leastLength(context))
      var writer = JSONWriter(isHTMLSafe: true)
      writer.write(arguments[0])
      try context.spend(bytes: writer.output.count)
      return .string(String(decoding: writer.output, as: UTF8.self))
    },
    Builtin("json.marshal_with_options", 2) { arguments, context in
      guard let options = arguments[1].object else { return nil }
      var (prefix, step, isPretty): (String, String, Bool?) = ("", "\t", nil)
      var isIndented = false
      for entry in options.entries {
        switch (entry.key, entry.value) {
        case ("prefix", .string(let text)): (prefix, isIndented) = (text, true)
        case ("indent", .string(let text)): (step, isIndented) = (text, true)
        case ("pretty", .bool(let value)): isPretty = value
        default: return nil
        }
      }
      let least = try arguments[0].leastLength(context)
      try context.spend(bytes: least)
      let isMany = isPretty ?? isIndented
      // At least so much more by each value.
      if isMany { try context.spend(bytes: least / 8 * (prefix.utf8.count + step.utf8.count)) }
      var writer = JSONWriter(isHTMLSafe: true, indent: isMany ? (prefix, step) : nil)
      writer.write(arguments[0])
      try context.spend(bytes: writer.output.count)
      return .string((isMany ? prefix : "") + String(decoding: writer.output, as: UTF8.self))
    },
    Builtin.text("json.unmarshal") { text, context in
      try context.spend(bytes: text.utf8.count)
      try context.spend(text.utf8.count / 8)
      return try? Value(json: text)
    },
    Builtin("json.is_valid", 1) { arguments, context in
      guard let text = arguments[0].text else { return false }
      try context.spend(bytes: text.utf8.count)
      return .truth((try? Value(json: text)) != nil)
    },
    Builtin.text("yaml.unmarshal") { text, context in
      try YAMLReader.value(text, context)
    },
    Builtin("yaml.is_valid", 1) { arguments, context in
      guard let text = arguments[0].text else { return false }
      return .truth(try YAMLReader.value(text, context) != nil)
    },
  ]
}

/// Bytes in letters, digits and two signs (RFC 4648).
enum Base64 {
  private static func alphabet(_ isURL: Bool) -> [UInt8] {
    Array(("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + (isURL ? "-_" : "+/")).utf8)
  }

  static func encode(_ bytes: [UInt8], isURL: Bool, isPadded: Bool) -> String {
    let alphabet = alphabet(isURL)
    var output: [UInt8] = []
    output.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0...group.count { output.append(alphabet[bits >> (18 - 6 * place) & 63]) }
      if isPadded { output += [UInt8](repeating: UInt8(ascii: "="), count: 3 - group.count) }
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// With padding; line ends count for nothing.
  static func decode(_ text: [UInt8], isURL: Bool) -> [UInt8]? {
    let values = Dictionary(
      alphabet(isURL).enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    let text = text.filter { $0 != 0x0A && $0 != 0x0D }
    guard text.count % 4 == 0 else { return nil }
    let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    guard padding <= 2 else { return nil }
    var (output, bits, count) = ([UInt8](), 0, 0)
    for byte in text.dropLast(padding) {
      guard let value = values[byte] else { return nil }
      bits = (bits << 6 | value) & 0xFFFF
      count += 6
      if count >= 8 {
        count -= 8
        output.append(UInt8(truncatingIfNeeded: bits >> count))
      }
    }
    return output
  }
}
