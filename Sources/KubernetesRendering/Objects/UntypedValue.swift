import Manifests

/// A part of an object whose fields another component defines, such as a constraint's parameters or a piece of Envoy's
/// configuration: read from a manifest, or written with literals.
indirect enum UntypedValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case list([UntypedValue])
  case map([String: UntypedValue])

  init(_ manifest: Manifest) {
    self =
      switch manifest.value {
      case .null: .null
      case .bool(let value): .bool(value)
      case .int(let value): .int(value)
      case .double(let value): .double(value)
      case .string(let value): .string(value)
      case .list(let items): .list(items.map(UntypedValue.init))
      case .map(let pairs): .map(Dictionary(pairs.map { ($0.key, UntypedValue($0.value)) }) { first, _ in first })
      }
  }

  /// The field of a mapping; setting one makes a mapping of what is none.
  subscript(key: String) -> UntypedValue? {
    get {
      guard case .map(let fields) = self else { return nil }
      return fields[key]
    }
    set {
      guard case .map(var fields) = self else { return self = .map(newValue.map { [key: $0] } ?? [:]) }
      fields[key] = newValue
      self = .map(fields)
    }
  }

  /// The items of a list; none of what is no list.
  var items: [UntypedValue] {
    guard case .list(let items) = self else { return [] }
    return items
  }

  /// An `Any` message of protobuf: the value's fields with the type that says what they are.
  static func typed(_ type: String, _ fields: [String: UntypedValue] = [:]) -> UntypedValue {
    .map(fields.merging(["@type": .string("type.googleapis.com/\(type)")]) { _, type in type })
  }
}

extension UntypedValue: Encodable {
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .int(let value): try container.encode(value)
    case .double(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .list(let value): try container.encode(value)
    case .map(let value): try container.encode(value)
    }
  }
}

extension UntypedValue: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(integerLiteral value: Int) { self = .int(value) }
  init(stringLiteral value: String) { self = .string(value) }
  init(arrayLiteral items: UntypedValue...) { self = .list(items) }
  init(dictionaryLiteral fields: (String, UntypedValue)...) {
    self = .map(Dictionary(fields) { _, last in last })
  }
}
