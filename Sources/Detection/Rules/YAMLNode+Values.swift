import Manifests

/// Values of a rules file by key, with Falco's errors.
extension YAMLNode {
  /// A scalar as text; nothing is text too, as where a key is wanted.
  var textOrNull: String? { text ?? (isNull ? "null" : nil) }

  func requiredText(_ key: String, _ context: LoadContext) throws(RuleError) -> String {
    guard let text = try optionalText(key, context) else {
      throw RuleError(.yamlValidate, "Item has no mapping for key '\(key)'", context)
    }
    return text
  }

  func optionalText(
    _ key: String, _ context: LoadContext, mayBeEmpty: Bool = false
  ) throws(RuleError) -> String? {
    guard let value = self[key] else { return nil }
    if value.isNull {
      guard mayBeEmpty else { throw RuleError(.yamlValidate, "Mapping for key '\(key)' is empty", context) }
      return nil
    }
    let inside = context.inside(value, .valueFor, key)
    guard let text = value.text else { throw RuleError(.yamlValidate, "Value is not a scalar value", inside) }
    guard !text.isEmpty || mayBeEmpty else { throw RuleError(.yamlValidate, "Value must be non-empty", inside) }
    return text
  }

  func requiredBool(_ key: String, _ context: LoadContext) throws(RuleError) -> Bool {
    try converted(try requiredText(key, context), key, context, \.yamlBool)
  }

  func optionalBool(_ key: String, _ context: LoadContext) throws(RuleError) -> Bool? {
    guard let text = try optionalText(key, context) else { return nil }
    return try converted(text, key, context, \.yamlBool)
  }

  func requiredUnsigned(_ key: String, _ context: LoadContext) throws(RuleError) -> UInt32 {
    try converted(try requiredText(key, context), key, context, \.yamlUnsigned)
  }

  func optionalUnsigned(_ key: String, _ context: LoadContext) throws(RuleError) -> UInt32? {
    guard let text = try optionalText(key, context) else { return nil }
    return try converted(text, key, context, \.yamlUnsigned)
  }

  private func converted<Value>(
    _ text: String, _ key: String, _ context: LoadContext, _ convert: (String) -> Value?
  ) throws(RuleError) -> Value {
    guard let value = convert(text) else {
      throw RuleError(
        .yamlValidate, "Can't decode YAML scalar value", context.inside(self[key] ?? self, .valueFor, key))
    }
    return value
  }

  /// The scalars of a sequence; `nil` without the key.
  func words(_ key: String, _ context: LoadContext) throws(RuleError) -> [String]? {
    guard let value = self[key] else { return nil }
    let inside = context.inside(value, .valueFor, key)
    guard let items = value.items else { throw RuleError(.yamlValidate, "Value is not a sequence", inside) }
    var words: [String] = []
    for item in items {
      guard let text = item.text else {
        throw RuleError(.yamlValidate, "sequence value is not scalar", inside.inside(item, .listItem))
      }
      words.append(text)
    }
    return words
  }
}

extension String {
  /// YAML 1.1's words for true and false, in lower case, upper case or with a capital.
  var yamlBool: Bool? {
    let lower = lowercased()
    guard self == lower || self == uppercased() || self == lower.prefix(1).uppercased() + lower.dropFirst() else {
      return nil
    }
    return ["y", "yes", "true", "on"].contains(lower)
      ? true : ["n", "no", "false", "off"].contains(lower) ? false : nil
  }

  /// A number as YAML 1.1 writes it: decimal, 0x for hexadecimal, 0 for octal.
  var yamlUnsigned: UInt32? {
    if hasPrefix("0x") || hasPrefix("0X") { return UInt32(dropFirst(2), radix: 16) }
    if hasPrefix("0"), utf8.count > 1 { return UInt32(dropFirst(), radix: 8) }
    return UInt32(self)
  }

  /// Without the bytes of a kind before and behind it.
  func trimmed(of isBlank: (UInt8) -> Bool) -> String {
    let bytes = utf8.drop(while: isBlank)
    guard let last = bytes.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(decoding: bytes[...last], as: UTF8.self)
  }
}
