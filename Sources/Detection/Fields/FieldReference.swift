/// A field as a condition or an output names it, with its argument.
package final class FieldReference: Hashable, Sendable {
  package enum Argument: Hashable, Sendable {
    case none
    /// `proc.aname[2]`, `evt.arg[0]`
    case index(Int)
    /// `proc.env[HOME]`, `thread.cgroup.cpu`, `evt.type.is.open`
    case key(String)
    /// `evt.arg.flags`
    case eventArgument(String)
  }

  package let definition: FieldDefinition
  package let argument: Argument
  /// As written, with its argument.
  package let name: String

  private init(_ definition: FieldDefinition, _ argument: Argument, name: String) {
    self.definition = definition
    self.argument = argument
    self.name = name
  }

  package static func == (left: FieldReference, right: FieldReference) -> Bool { left.name == right.name }

  package func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// Looks a field up as Falco does: the first class that has a field which the text begins with decides.
  ///
  /// - Returns: `nil` when there is no such field.
  /// - Throws: `FieldError` for an argument that makes no sense, in Falco's words.
  package static func resolve(_ text: String) throws(FieldError) -> FieldReference? {
    // Values of lists are looked up too, to warn of fields among them: most are seen to be none at once.
    guard firstWords.contains(text.prefix { $0 != "." }) || text.hasPrefix("arg") else { return nil }
    if let special = try resolveSpecial(text) { return special.reference }
    for fields in FieldTable.classes {
      guard let longest = longestPrefix(of: text, in: fields) else { continue }
      if fields.first?.fieldClass == "container" || fields.first?.fieldClass == "agent" {
        return try resolvePluginField(longest, text)
      }
      return longest.name == text ? FieldReference(longest, .none, name: text) : nil
    }
    return nil
  }

  /// The longest beginning of a dotted name that is a field, without an argument in brackets.
  static func longestName(in text: String) -> String? {
    let bytes = Array(text.utf8)
    var length = min(bytes.count, longest)
    if text.hasPrefix(unboundedName) {
      let key = bytes.dropFirst(unboundedName.utf8.count).prefix(while: isOfSubsystem)
      length = max(length, unboundedName.utf8.count + key.count)
    }
    while length > 0 {
      let name = String(decoding: bytes[..<length], as: UTF8.self)
      // An argument that makes no sense makes it no field, either.
      if bytes[length - 1] != UInt8(ascii: "."), (try? resolve(name)) != nil { return name }
      length = min(length - 1, longest)
    }
    return nil
  }

  /// Bytes of the longest name, but for the one without a bound: the name of a subsystem follows it.
  private static let longest =
    (FieldTable.definitions.map(\.name.utf8.count).max() ?? 0) + 1
    + max(EventArgument.longest, EventType.names.map(\.utf8.count).max() ?? 0)
  private static let unboundedName = "thread.cgroup."

  private static func isOfSubsystem(_ byte: UInt8) -> Bool {
    ConditionScanner.isWordByte(byte) && !ConditionScanner.isDigit(byte) || byte == UInt8(ascii: "_")
  }

  private static let firstWords = Set(FieldTable.definitions.map { $0.name.prefix { $0 != "." } })

  private static func longestPrefix(of text: String, in fields: [FieldDefinition]) -> FieldDefinition? {
    fields.filter { text.hasPrefix($0.name) }.max { $0.name.utf8.count < $1.name.utf8.count }
  }

  /// A decision of one of the classes that look at more than the name.
  private struct Decision {
    var reference: FieldReference?
  }

  private static func resolveSpecial(_ text: String) throws(FieldError) -> Decision? {
    // A generic field of events decides before the others do.
    if let generic = FieldTable.classes.first, longestPrefix(of: text, in: generic) != nil { return nil }
    if text.hasPrefix("evt.arg"), !text.hasPrefix("evt.args") {
      return try resolveEventArgument(text, field: "evt.arg", takesIndex: true)
    }
    if text.hasPrefix("evt.rawarg") { return try resolveEventArgument(text, field: "evt.rawarg", takesIndex: false) }
    if text.hasPrefix("evt.around") { return try resolveAround(text) }
    if text.hasPrefix("evt.abspath") {
      let isKnown = ["evt.abspath", "evt.abspath.src", "evt.abspath.dst"].contains(text)
      return Decision(reference: isKnown ? make("evt.abspath", .key(String(text.dropFirst(12))), text) : nil)
    }
    if text.hasPrefix("evt.type.is") { return try resolveTypeIs(text) }
    if text.hasPrefix("evt.") || text.hasPrefix("syscall.type") { return nil }
    if text.hasPrefix("arg") { throw FieldError("filter error: proc.arg filter not implemented yet") }
    if let process = try resolveProcess(text) { return process }
    return try resolveDescriptorTypes(text)
  }

  private static func make(_ field: String, _ argument: Argument, _ text: String) -> FieldReference? {
    FieldTable.byName[field].map { FieldReference($0, argument, name: text) }
  }

  private static func resolveEventArgument(
    _ text: String, field: String, takesIndex: Bool
  ) throws(FieldError) -> Decision {
    let rest = text.dropFirst(field.count)
    if let brackets = Brackets(rest) {
      guard takesIndex else { throw FieldError("evt.arg fields must be expressed explicitly") }
      guard let index = ScannedNumber.signed(brackets.text, bits: 32) else {
        throw FieldError("\(brackets.text) is not a valid number")
      }
      return Decision(reference: brackets.isAll ? make(field, .index(Int(index)), text) : nil)
    }
    guard rest.hasPrefix(".") else { throw FieldError("filter syntax error: \(text)") }
    let name = rest.dropFirst()
    guard let argument = EventArgument.longestPrefix(of: name) else {
      throw FieldError("unknown event argument \(name)")
    }
    guard argument.name == name, var definition = FieldTable.byName[field] else { return Decision() }
    if !takesIndex {
      definition.type = argument.type
      definition.numberFormat = argument.numberFormat
    }
    return Decision(reference: FieldReference(definition, .eventArgument(argument.name), name: text))
  }

  private static func resolveAround(_ text: String) throws(FieldError) -> Decision {
    let rest = text.dropFirst("evt.around".count)
    if rest.hasPrefix(".") { throw FieldError("wrong syntax for evt.around") }
    guard let brackets = Brackets(rest) else { throw FieldError("filter syntax error: \(text)") }
    guard ScannedNumber.unsigned(brackets.text, bits: 64) != nil else {
      throw FieldError("\(brackets.text) is not a valid number")
    }
    return Decision(reference: brackets.isAll ? make("evt.around", .key(brackets.text), text) : nil)
  }

  private static func resolveTypeIs(_ text: String) throws(FieldError) -> Decision {
    let rest = text.dropFirst("evt.type.is".count)
    guard rest.hasPrefix(".") else { throw FieldError("filter syntax error: \(text)") }
    let name = String(rest.dropFirst())
    let isKnown = ScannedNumber.unsigned(name, bits: 32) != nil || EventType(name) != nil
    return Decision(reference: isKnown ? make("evt.type.is", .key(name), text) : nil)
  }

  private static let indexed = ["proc.apid", "proc.aname", "proc.aexepath", "proc.aexe", "proc.acmdline", "proc.aargs"]

  private static func resolveProcess(_ text: String) throws(FieldError) -> Decision? {
    for field in indexed + ["proc.args"] where text.hasPrefix(field) {
      let brackets = Brackets(text.dropFirst(field.count))
      let index = brackets.flatMap { $0.isAll ? ScannedNumber.signed($0.text, bits: 32) : nil }
      guard let index else { return Decision(reference: text == field ? make(field, .none, text) : nil) }
      // Falco takes -1 for no index.
      return Decision(reference: make(field, index == -1 ? .none : .index(Int(index)), text))
    }
    for field in ["proc.env", "proc.aenv"] where text.hasPrefix(field) {
      guard let brackets = Brackets(text.dropFirst(field.count)), brackets.isAll else {
        return Decision(reference: text == field ? make(field, .none, text) : nil)
      }
      let key = brackets.text
      let index = !key.isEmpty && key.utf8.allSatisfy(ConditionScanner.isDigit) ? Int(key) : nil
      return Decision(reference: make(field, index.map(Argument.index) ?? .key(key), text))
    }
    if text.hasPrefix("thread.cgroup"), !text.hasPrefix("thread.cgroups") {
      let rest = text.dropFirst("thread.cgroup".count)
      guard rest.hasPrefix(".") else { throw FieldError("filter syntax error: \(text)") }
      let key = rest.dropFirst()
      let isName = key.utf8.allSatisfy(isOfSubsystem)
      return Decision(reference: isName ? make("thread.cgroup", .key(String(key)), text) : nil)
    }
    return nil
  }

  private static func resolveDescriptorTypes(_ text: String) throws(FieldError) -> Decision? {
    guard text.hasPrefix("fd.types") else { return nil }
    let rest = text.dropFirst("fd.types".count)
    guard let brackets = Brackets(rest) else {
      return Decision(reference: rest.isEmpty ? make("fd.types", .none, text) : nil)
    }
    guard let index = ScannedNumber.signed(brackets.text, bits: 64) else {
      throw FieldError("\(brackets.text) is not a valid number")
    }
    return Decision(
      reference: brackets.isAll ? make("fd.types", index == -1 ? .none : .index(Int(index)), text) : nil)
  }

  /// What follows a field's name in brackets.
  private struct Brackets {
    /// Up to the first that closes; without one, all that follows.
    let text: String
    /// Whether they are closed, and nothing else follows.
    let isAll: Bool

    /// - Returns: `nil` where none open.
    init?(_ rest: Substring) {
      guard rest.hasPrefix("[") else { return nil }
      let inside = rest.dropFirst().prefix { $0 != "]" }
      text = String(inside)
      isAll = rest[inside.endIndex...].count == 1
    }
  }

  private static func resolvePluginField(
    _ definition: FieldDefinition, _ text: String
  ) throws(FieldError) -> FieldReference? {
    let word = String(text.prefix { $0 != " " })
    guard let open = word.firstIndex(of: "[") else {
      // Before it is asked whether anything else follows the name: so Falco tells it of `container.label.x`.
      if definition.argument == .required {
        throw FieldError("filter '\(word)': \(definition.name) requires an argument but none provided")
      }
      return definition.name == text ? FieldReference(definition, .none, name: text) : nil
    }
    guard word[..<open] == definition.name else { return nil }
    let rest = word[word.index(after: open)...]
    guard !rest.isEmpty else {
      throw FieldError("filter '\(word)': \(definition.name) terminates with incomplete argument brackets")
    }
    guard let close = rest.firstIndex(of: "]") else {
      throw FieldError("filter '\(word)': \(definition.name) has unbalanced argument brackets")
    }
    let argument = String(rest[..<close])
    guard definition.argument != .none else {
      throw FieldError(
        "filter '\(word)': \(definition.name) does not allow nor require an argument but one is provided: \(argument)")
    }
    guard rest.index(after: close) == rest.endIndex, word == text else { return nil }
    return FieldReference(definition, .key(argument), name: text)
  }
}

/// Why a field, operator or value cannot be used, in Falco's words.
package struct FieldError: Error, Hashable, Sendable {
  package let message: String

  init(_ message: String) { self.message = message }
}
