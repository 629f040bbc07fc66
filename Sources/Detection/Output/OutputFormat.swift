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
      let (term, length) = try Self.longestTerm(String(decoding: bytes[place...], as: UTF8.self))
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
    let typed = try TypedTerm(term)
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

  /// The longest beginning of a text that is a field or a transformer of one.
  private static func longestTerm(_ text: String) throws(FieldError) -> (term: Term, length: Int) {
    let bytes = Array(text.utf8)
    var length = bytes.count
    while true {
      let beginning = String(decoding: bytes[..<length], as: UTF8.self)
      let message: String
      // How much of the beginning was looked at: with more behind it the answer is the same.
      var read = length
      do throws(ConditionSyntaxError) {
        let (term, count) = try ConditionParser.parseTerm(beginning)
        read = count
        do throws(FieldError) {
          _ = try TypedTerm(term)
          return (term, count)
        } catch {
          message = error.message
        }
      } catch {
        message = error.message
        read = error.position.offset + 2
      }
      length = min(length, read) - 1
      guard length > 0 else { throw FieldError("unknown filter: \(message)") }
    }
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
