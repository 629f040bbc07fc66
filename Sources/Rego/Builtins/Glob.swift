extension Builtins {
  static let globs: [Builtin] = [
    Builtin("glob.match", 3) { arguments, context in
      guard let pattern = arguments[0].text, let text = arguments[2].text else { return nil }
      let separators: [Unicode.Scalar]
      switch arguments[1] {
      case .null: separators = []
      case .array(let items):
        let scalars = items.compactMap { $0.text?.unicodeScalars }.filter { $0.count == 1 }.compactMap(\.first)
        guard scalars.count == items.count else { return nil }
        separators = scalars.isEmpty ? ["."] : scalars
      default: return nil
      }
      try context.spend(bytes: text.utf8.count)
      // An expression of many bytes is made of each.
      try context.spend(bytes: pattern.utf8.count * 1_024)
      var glob = Glob(pattern, separators)
      guard let pattern = glob.pattern(),
        let expression = try context.expression(pattern)
      else { return nil }
      return .truth(expression.matches(text.bytes))
    },
    Builtin.text("glob.quote_meta") { text, context in
      try context.spend(bytes: text.utf8.count * 2)
      var output = ""
      for scalar in text.unicodeScalars {
        if ["*", "?", "\\", "[", "]", "{", "}"].contains(scalar) { output += "\\" }
        output.unicodeScalars.append(scalar)
      }
      return .string(output)
    },
  ]
}

/// A pattern with "*", "**", "?", "[a-z]" and "{this,that}", as an expression.
struct Glob {
  private let scalars: [Unicode.Scalar]
  private var index = 0
  /// A character that is no separator.
  private let one: String
  /// Texts before and after one "**": OPA lets them overlap, so that "a/**/b" fits "a/b".
  private var ends: [[Unicode.Scalar]] = [[]]
  private var isPlain = true

  init(_ pattern: String, _ separators: [Unicode.Scalar]) {
    scalars = Array(pattern.unicodeScalars)
    one = separators.isEmpty ? "." : "[^\(separators.map(Self.escaped).joined())]"
  }

  /// `nil` when it is none.
  mutating func pattern() -> String? {
    var output = "(?s)\\A(?:"
    var depth = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      switch scalar {
      case "*":
        if index < scalars.count, scalars[index] == "*" {
          index += 1
          output += ".*"
          ends.append([])
        } else if one == "." {
          output += ".*"
          ends.append([])
        } else {
          isPlain = false
          output += one + "*"
        }
      case "?":
        output += one
        isPlain = false
      case "[":
        guard let range = range() else { return nil }
        output += range
        isPlain = false
      case "{":
        depth += 1
        isPlain = false
        output += "(?:"
      case "}" where depth > 0:
        depth -= 1
        output += ")"
      case "," where depth > 0: output += "|"
      case "\\":
        // One at the end stands for nothing.
        guard index < scalars.count else { break }
        output += Self.escaped(scalars[index])
        ends[ends.count - 1].append(scalars[index])
        index += 1
      default:
        output += Self.escaped(scalar)
        ends[ends.count - 1].append(scalar)
      }
    }
    // Braces that are open close at the end.
    return output + String(repeating: ")", count: depth) + overlaps + ")\\z"
  }

  /// What else fits.
  private var overlaps: String {
    guard isPlain, ends.count == 2, let first = ends.first, let last = ends.last else { return "" }
    // No longer than anybody writes them, so that this does not take long.
    return (0..<min(first.count, last.count, 64)).map { $0 + 1 }.filter { first.suffix($0) == last.prefix($0) }
      .map { "|" + (first + last.dropFirst($0)).map(Self.escaped).joined() }.joined()
  }

  /// After "[": characters, or one range of them.
  private mutating func range() -> String? {
    var isNegated = false
    if index < scalars.count, scalars[index] == "!" {
      isNegated = true
      index += 1
    }
    var inner = ""
    if index + 1 < scalars.count, scalars[index + 1] == "-" {
      guard index + 3 < scalars.count, scalars[index + 3] == "]", scalars[index] <= scalars[index + 2]
      else { return nil }
      inner = Self.escaped(scalars[index]) + "-" + Self.escaped(scalars[index + 2])
      index += 4
    } else {
      while index < scalars.count, scalars[index] != "]" {
        if scalars[index] == "\\" {
          index += 1
          guard index < scalars.count else { return nil }
        }
        inner += Self.escaped(scalars[index])
        index += 1
      }
      guard index < scalars.count, !inner.isEmpty else { return nil }
      index += 1
    }
    return "[\(isNegated ? "^" : "")\(inner)]"
  }

  /// The character itself, in a class or not.
  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    "\\x{\(String(scalar.value, radix: 16))}"
  }
}
