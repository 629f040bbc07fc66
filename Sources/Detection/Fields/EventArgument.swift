/// An argument that events have, as `evt.arg.NAME` tells it.
struct EventArgument: Hashable, Sendable {
  let name: String
  let type: ValueType
  let numberFormat: FieldDefinition.NumberFormat

  private static let known: [EventArgument] = eventArgumentsText.split { $0 == " " || $0 == "\n" }.map { word in
    let parts = word.split(separator: ":")
    let format: FieldDefinition.NumberFormat =
      parts.last == "hex" ? .hexadecimal : parts.last == "oct" ? .octal : .decimal
    return EventArgument(
      name: String(parts[0]), type: ValueType(rawValue: String(parts.count > 1 ? parts[1] : "")) ?? .none,
      numberFormat: format)
  }

  /// Bytes of the longest name.
  static let longest = known.map(\.name.utf8.count).max() ?? 0

  /// The longest name of an argument that `text` begins with.
  static func longestPrefix(of text: some StringProtocol) -> EventArgument? {
    known.filter { text.hasPrefix($0.name) }.max { $0.name.utf8.count < $1.name.utf8.count }
  }
}
