/// A value as it stands right of an equals sign.
package enum HCLValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// A number without fraction and exponent, exact.
  case int(Int)
  /// Every other number; never infinite.
  case double(Double)
  case string(String)
  case list([HCLValue])
  case object(HCLObject)
}

/// Values by name, each name once, in the order of the text.
///
/// Two objects are equal when they hold equal values under the same names; the order does not count, as in HCL itself.
package struct HCLObject: Hashable, Sendable {
  package private(set) var keys: [String] = []
  private var values: [String: HCLValue] = [:]

  package init() {}

  package var isEmpty: Bool { keys.isEmpty }

  package var entries: [(key: String, value: HCLValue)] {
    keys.compactMap { key in values[key].map { (key, $0) } }
  }

  package subscript(key: String) -> HCLValue? { values[key] }

  /// Adds a value at the end.
  ///
  /// - Returns: Whether the key was free; if not, nothing changed.
  package mutating func add(_ value: HCLValue, for key: String) -> Bool {
    guard values[key] == nil else { return false }
    keys.append(key)
    values[key] = value
    return true
  }

  package static func == (first: HCLObject, second: HCLObject) -> Bool { first.values == second.values }

  package func hash(into hasher: inout Hasher) { hasher.combine(values) }
}
