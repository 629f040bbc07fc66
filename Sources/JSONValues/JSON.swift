/// A JSON value, written with literals and printed with sorted keys.
package enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int)
  /// What is more than an `Int` holds.
  case unsigned(UInt64)
  case double(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])
}

extension JSON {
  /// A member of an object; `nil` for anything else. Setting one makes an object of what is none.
  package subscript(_ key: String) -> JSON? {
    get {
      guard case .object(let members) = self else { return nil }
      return members[key]
    }
    set {
      guard case .object(var members) = self else { return self = .object(newValue.map { [key: $0] } ?? [:]) }
      members[key] = newValue
      self = .object(members)
    }
  }

  package var string: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  package var int: Int? {
    if case .int(let value) = self { return value }
    return nil
  }

  package var bool: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  package var array: [JSON]? {
    if case .array(let values) = self { return values }
    return nil
  }

  package var object: [String: JSON]? {
    if case .object(let members) = self { return members }
    return nil
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByStringInterpolation
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(integerLiteral value: Int) { self = .int(value) }
  package init(floatLiteral value: Double) { self = .double(value) }
  package init(arrayLiteral values: JSON...) { self = .array(values) }
  package init(dictionaryLiteral fields: (String, JSON)...) {
    self = .object(Dictionary(fields) { _, last in last })
  }
}
