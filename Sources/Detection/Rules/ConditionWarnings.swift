/// What is unwise in a condition though it may be written.
struct ConditionWarnings {
  /// Fields that have no values any more since Falco drops the events of calls that begin, in the order in which they
  /// are told.
  static let deprecatedFields = [
    "evt.dir", "evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.human", "evt.wait_latency",
  ]

  static func explanation(of field: String) -> String {
    field == "evt.dir"
      ? "due to the drop of enter events, 'evt.dir = <' always evaluates to true, and 'evt.dir = >' always evaluates "
        + "to false. The rule expression can be simplified by removing the condition on 'evt.dir'"
      : "field is not available due to the drop of enter events."
  }

  private var macros: [String: Set<String>] = [:]

  mutating func add(macro name: String, _ expression: Expression) {
    macros[name] = deprecatedFields(in: expression)
  }

  /// The deprecated fields that a condition has on the left of its operators.
  func deprecatedFields(in expression: Expression) -> Set<String> {
    switch expression {
    case .and(let children, _), .or(let children, _):
      children.reduce(into: []) { $0.formUnion(deprecatedFields(in: $1)) }
    case .not(let child, _): deprecatedFields(in: child)
    case .macro(let name, _): macros[name] ?? []
    case .exists(let term, _), .comparison(let term, _, _, _): Self.deprecatedFields(in: term)
    }
  }

  private static func deprecatedFields(in term: Term) -> Set<String> {
    switch term {
    case .field(let name, _, _): deprecatedFields.contains(name) ? [name] : []
    case .transformer(_, let arguments, _, _), .list(let arguments, _):
      arguments.reduce(into: []) { $0.formUnion(deprecatedFields(in: $1)) }
    case .literal: []
    }
  }

  /// What Falco says of a constant that may be meant otherwise.
  static func doubts(about value: String, _ comparison: Comparison) -> [String] {
    var doubts: [String] = []
    if comparison.operator == .regex, isPlain(regex: value) {
      doubts.append(
        "regex check with '\(value)' may be optimized with simpler operators such as '=', 'contains', 'startswith', "
          + "'endswith'")
    }
    let dense = String(value.filter { !$0.isWhitespace })
    // What cannot even be looked up is no field, and Falco then says nothing more.
    guard let field = try? FieldReference.resolve(dense).map({ _ in true }) ?? false else { return doubts }
    if field { doubts.append("'\(value)' may be a valid field misused as a const string value") }
    for name in ConditionParser.allTransformers where dense.hasPrefix(name + "(") && dense.hasSuffix(")") {
      doubts.append("'\(value)' may be a valid field transformer misused as a const string value")
    }
    return doubts
  }

  /// Whether an expression has nothing in its middle that only an expression can say.
  private static func isPlain(regex: String) -> Bool {
    let bytes = Array(regex.utf8)
    var index = 0
    while index < bytes.count {
      defer { index += 1 }
      let byte = bytes[index]
      if index == 0, byte == UInt8(ascii: "^") { continue }
      if index == bytes.count - 1, byte == UInt8(ascii: "$") { continue }
      if (index == 0 && bytes.count > 1) || index == bytes.count - 2, byte == UInt8(ascii: "."),
        "+*?".utf8.contains(bytes[index + 1])
      {
        index += 1
        continue
      }
      if ".+*?^$()[]{}|\\".utf8.contains(byte) { return false }
    }
    return true
  }
}
