/// The output of a rule: text with `%field`, `%20field` and `%transformer(field)` in it.
struct OutputFormat: Hashable, Sendable {
  enum Part: Hashable, Sendable {
    case literal(String)
    /// - slot: at first an index into `terms`, once placed a slot of the matcher.
    case term(slot: Int, width: Int)
  }

  struct Field: Hashable, Sendable {
    let name: String
    var slot: Int
  }

  /// The widest a field may be set to.
  static let widest = 1_000

  private(set) var parts: [Part] = []
  /// The fields in it, those within transformers too, for programs to read.
  private(set) var fields: [Field] = []
  private(set) var terms: [TypedTerm] = []

  /// - Throws: `FieldError` in Falco's words.
  init(_ text: String) throws(FieldError) {
    var bytes = Array(text.utf8)
    guard !bytes.isEmpty else { throw FieldError("empty formatting token") }
    // It allows fields without a value, as all outputs here do.
    if bytes[0] == UInt8(ascii: "*") { bytes.removeFirst() }
    var literalStart = 0
    var place = 0
    while place < bytes.count {
      guard bytes[place] == UInt8(ascii: "%") else {
        place += 1
        continue
      }
      addLiteral(bytes[literalStart..<place])
      guard place + 1 < bytes.count else {
        throw FieldError("invalid formatting syntax: formatting cannot end with a %")
      }
      place += 1
      let digits = bytes[place...].prefix(while: ConditionScanner.isDigit)
      place += digits.count
      guard place < bytes.count else {
        throw FieldError("invalid formatting syntax: formatting cannot end with a number")
      }
      let width = digits.reduce(0) { min($0 * 10 + Int($1 - UInt8(ascii: "0")), Self.widest) }
      let (term, length) = try Self.longestTerm(in: bytes, from: place)
      parts.append(.term(slot: try slot(of: term), width: width))
      addFields(of: term)
      place += length
      literalStart = place
    }
    addLiteral(bytes[literalStart...])
  }

  private mutating func addLiteral(_ bytes: ArraySlice<UInt8>) {
    if !bytes.isEmpty { parts.append(.literal(String(decoding: bytes, as: UTF8.self))) }
  }

  private mutating func slot(of term: Term) throws(FieldError) -> Int {
    let typed = try TypedTerm(term.asOneValue)
    if let known = terms.firstIndex(of: typed) { return known }
    terms.append(typed)
    return terms.count - 1
  }

  private mutating func addFields(of term: Term) {
    switch term {
    case .field:
      guard let slot = try? slot(of: term), !fields.contains(where: { $0.name == term.description }) else { return }
      fields.append(Field(name: term.description, slot: slot))
    case .transformer(_, let arguments, _, _), .list(let arguments, _):
      for argument in arguments { addFields(of: argument) }
    case .literal: break
    }
  }

  /// The longest beginning of what stands at a place that is a field or a transformer of one.
  ///
  /// Falco tries all beginnings, the longest first. Few can be one: all that can be read, with an argument in brackets
  /// or without, and of a field's name what is no longer than fields are.
  private static func longestTerm(in bytes: [UInt8], from start: Int) throws(FieldError) -> (term: Term, length: Int) {
    for takingArgument in [true, false] {
      // What cannot be read or is no field is not the beginning; why does not matter, since Falco does not tell.
      guard let (term, length) = try? ConditionParser.parseTerm(bytes, from: start, takingArgument: takingArgument),
        (try? TypedTerm(term)) != nil
      else { continue }
      return (term, length)
    }
    var scanner = ConditionScanner(bytes, from: start)
    if scanner.takeFieldName(), let name = FieldReference.longestName(in: scanner.token) {
      return (.field(name: name, argument: nil, TextPosition()), name.utf8.count)
    }
    // What it says of the shortest beginning, which is one byte.
    throw FieldError("unknown filter: unexpected token after '")
  }

  /// The slots of all its terms, once it is placed.
  var slots: [Int] {
    parts.compactMap { if case .term(let slot, _) = $0 { slot } else { nil } } + fields.map(\.slot)
  }

  /// The format with each term's place in the matcher.
  func placed(_ slot: (TypedTerm) -> Int) -> OutputFormat {
    let slots = terms.map(slot)
    var format = self
    format.parts = parts.map { part in
      if case .term(let index, let width) = part { return .term(slot: slots[index], width: width) }
      return part
    }
    for index in format.fields.indices { format.fields[index].slot = slots[fields[index].slot] }
    return format
  }
}
