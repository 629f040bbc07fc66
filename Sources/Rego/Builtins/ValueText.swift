extension Value: CustomStringConvertible {
  /// As Rego writes it: strings in quotes, sets in braces.
  package var description: String {
    var output = ""
    write(to: &output)
    return output
  }

  private func write(to output: inout String) {
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .number(let number): output += number.text
    case .string(let text): output += Quote.text(text)
    case .array(let items):
      output += "["
      Self.write(items.items, to: &output)
      output += "]"
    case .set(let set):
      guard set.count > 0 else {
        output += "set()"
        return
      }
      output += "{"
      Self.write(set.members, to: &output)
      output += "}"
    case .object(let object):
      output += "{"
      for (index, entry) in object.entries.enumerated() {
        if index > 0 { output += ", " }
        entry.key.write(to: &output)
        output += ": "
        entry.value.write(to: &output)
      }
      output += "}"
    }
  }

  private static func write(_ values: [Value], to output: inout String) {
    for (index, value) in values.enumerated() {
      if index > 0 { output += ", " }
      value.write(to: &output)
    }
  }

  /// How long the text is at least, before it is made.
  func leastLength(_ context: BuiltinContext) throws -> Int {
    switch self {
    case .null, .bool, .number: return 1
    case .string(let text): return text.utf8.count + 2
    case .array(let items):
      try context.spend(items.count)
      return try items.reduce(2) { try $0 + $1.leastLength(context) }
    case .set(let set):
      try context.spend(set.count)
      return try set.members.reduce(2) { try $0 + $1.leastLength(context) }
    case .object(let object):
      try context.spend(object.count)
      return try object.entries.reduce(2) { try $0 + $1.key.leastLength(context) + $1.value.leastLength(context) }
    }
  }
}
