/// A term whose fields are known and whose type is right.
struct TypedTerm: Hashable, Sendable {
  indirect enum Source: Hashable, Sendable {
    case field(FieldReference)
    case literal(ByteText)
    case list([TypedTerm])
    case join(separator: TypedTerm, list: TypedTerm)
    case concat([TypedTerm])
    /// - selector: the option whose value is wanted; `nil` for all of them.
    case getopt(arguments: TypedTerm, options: TypedTerm, selector: UInt8?)
  }

  let source: Source
  /// What its values, or those of its innermost part, are before any transformer.
  let definition: FieldDefinition
  /// In the order in which they are applied.
  private(set) var transformers: [Transformer] = []
  private(set) var type: ValueType
  private(set) var isList: Bool

  private init(_ source: Source, _ definition: FieldDefinition, isList: Bool? = nil) {
    self.source = source
    self.definition = definition
    type = definition.type
    self.isList = isList ?? definition.isList
  }

  /// - Throws: `FieldError` in Falco's words.
  init(_ term: Term) throws(FieldError) {
    switch term {
    case .field(let name, let argument, _):
      let text = name + (argument.map { "[\($0)]" } ?? "")
      guard let field = try FieldReference.resolve(text) else {
        throw FieldError("filter_check called with nonexistent field \(text)")
      }
      self.init(.field(field), field.definition)
    case .literal(let constant, _):
      self.init(.literal(constant), .literal)
    case .list(let items, _):
      var terms: [TypedTerm] = []
      for item in items { terms.append(try TypedTerm(item.asOneValue)) }
      self.init(.list(terms), .literalList)
    case .transformer(let name, let arguments, let argument, _):
      var terms: [TypedTerm] = []
      for argument in arguments { terms.append(try TypedTerm(argument.asOneValue)) }
      self = try Self.transformed(name, terms, argument)
    }
  }

  private static func transformed(
    _ name: String, _ terms: [TypedTerm], _ argument: String?
  ) throws(FieldError) -> TypedTerm {
    guard terms.count == 1 || name == "val" else { return try combined(name, terms, argument) }
    guard argument == nil else {
      throw FieldError("filter error: transformer '\(name)' does not support field arguments")
    }
    if name == "val" { return terms[0] }
    // The word is Falco's.
    guard let transformer = Transformer(rawValue: name) else { throw FieldError("unknown field transfomer '\(name)'") }
    var term = terms[0]
    try term.apply(transformer)
    return term
  }

  private mutating func apply(_ transformer: Transformer) throws(FieldError) {
    guard definition.takesTransformers else {
      throw FieldError("field '\(definition.name)' does not support transformers")
    }
    guard let result = transformer.result(of: type, isList: isList) else {
      throw FieldError(
        "can't add field transformer: type '\(type.rawValue)' is not supported by '\(transformer.rawValue)' transformer "
          + "applied on \(isList ? "list " : "")field '\(definition.name)'")
    }
    (type, isList) = result
    transformers.append(transformer)
  }

  /// Transformers of several values look at what these are before transformers of their own, as Falco's do.
  private static func combined(
    _ name: String, _ terms: [TypedTerm], _ argument: String?
  ) throws(FieldError) -> TypedTerm {
    let inputs = terms.map(\.definition)
    var isList = false
    let source: Source
    switch name {
    case "join":
      guard inputs.count == 2 else { throw FieldError("join() requires exactly 2 arguments: separator and list") }
      guard !inputs[0].isList else {
        throw FieldError("join() first argument (separator) must be a single value, not a list")
      }
      guard inputs[1].isList else { throw FieldError("join() second argument must be a list") }
      source = .join(separator: terms[0], list: terms[1])
    case "concat":
      guard inputs.count >= 2 else { throw FieldError("concat() requires at least 2 arguments") }
      guard inputs.allSatisfy({ $0.type == .string && !$0.isList }) else {
        throw FieldError("concat() arguments must be strings")
      }
      source = .concat(terms)
    case "getopt":
      guard inputs.count == 2 else {
        throw FieldError("getopt() requires exactly 2 arguments: args list and optstring")
      }
      guard inputs[0].isList else { throw FieldError("getopt() first argument must be a list") }
      guard !inputs[1].isList else { throw FieldError("getopt() second argument (optstring) must be a single value") }
      guard inputs.allSatisfy({ $0.type == .string }) else { throw FieldError("getopt() arguments must be strings") }
      if let argument, argument.utf8.count != 1 {
        throw FieldError("getopt() field argument must be a single option character")
      }
      isList = argument == nil
      return TypedTerm(
        .getopt(arguments: terms[0], options: terms[1], selector: argument?.utf8.first), .literal, isList: isList)
    default:
      throw FieldError("unknown multivalue transformer")
    }
    guard argument == nil else { throw FieldError("transformer '\(name)' does not support field arguments") }
    return TypedTerm(source, .literal, isList: isList)
  }
}

extension Term {
  /// What it is where one value is wanted, as in outputs and in transformers. Falco compares `proc.apid` with all
  /// ancestors, but elsewhere it is the process's own number.
  var asOneValue: Term {
    if case .field("proc.apid", let argument, let position) = self, (argument ?? "-1") == "-1" {
      return .field(name: "proc.apid", argument: "0", position)
    }
    return self
  }
}

/// A change of one value.
enum Transformer: String, Hashable, Sendable {
  case tolower, toupper, b64, basename, len

  /// - Returns: `nil` for a type that it cannot change.
  func result(of type: ValueType, isList: Bool) -> (type: ValueType, isList: Bool)? {
    switch self {
    case .tolower, .toupper, .basename:
      type.family == .string ? (type, isList) : nil
    case .b64:
      type == .string || type == .bytes ? (type, isList) : nil
    case .len:
      isList || type.family == .string || type == .bytes ? (.uint64, false) : nil
    }
  }
}

extension TypedTerm {
  /// The term before its last transformer, and that transformer.
  var withoutLastTransformer: (TypedTerm, Transformer)? {
    guard let last = transformers.last else { return nil }
    var inner = TypedTerm(source, definition, isList: isListBeforeTransformers)
    for transformer in transformers.dropLast() {
      if let result = transformer.result(of: inner.type, isList: inner.isList) {
        (inner.type, inner.isList) = result
        inner.transformers.append(transformer)
      }
    }
    return (inner, last)
  }

  private var isListBeforeTransformers: Bool {
    if case .getopt(_, _, let selector) = source { return selector == nil }
    return definition.isList
  }
}
