import Glibc

/// A value of Rego: those of JSON, and sets (openpolicyagent.org/docs/policy-language).
package indirect enum Value: Sendable {
  case null
  case bool(Bool)
  case number(Number)
  case string(String)
  case array(ArrayValue)
  case object(ObjectValue)
  case set(SetValue)

  package static func array(_ items: [Value]) -> Value { .array(ArrayValue(items)) }

  package static func int(_ value: Int) -> Value {
    small.indices.contains(value) ? small[value] : .number(.int(value))
  }

  /// Made once: each value has memory of its own.
  static func truth(_ isTrue: Bool) -> Value { isTrue ? yes : no }
  private static let yes = Value.bool(true)
  private static let no = Value.bool(false)
  private static let small = (0..<64).map { Value.number(.int($0)) }

  /// Everything but `false`: what makes an expression true.
  var isTruthy: Bool {
    if case .bool(false) = self { return false }
    return true
  }

  package var text: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  package var items: [Value]? {
    if case .array(let array) = self { return array.items }
    return nil
  }

  package var object: ObjectValue? {
    if case .object(let object) = self { return object }
    return nil
  }

  /// The name of its type, as `type_name` gives it.
  package var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    case .set: "set"
    }
  }

  private var rank: Int {
    switch self {
    case .null: 0
    case .bool: 1
    case .number: 2
    case .string: 3
    case .array: 4
    case .object: 5
    case .set: 6
    }
  }

  /// Below 0, 0 or above 0, in the order of all values that OPA has: by type, then by value.
  package static func order(_ left: Value, _ right: Value) -> Int {
    switch (left, right) {
    case (.null, .null): return 0
    case (.bool(let left), .bool(let right)): return left == right ? 0 : left ? 1 : -1
    case (.number(let left), .number(let right)): return Number.order(left, right)
    case (.string(let left), .string(let right)): return byteOrder(left, right)
    case (.array(let left), .array(let right)): return order(left.items, right.items)
    case (.object(let left), .object(let right)): return ObjectValue.order(left, right)
    case (.set(let left), .set(let right)): return order(left.members, right.members)
    default: return left.rank - right.rank
    }
  }

  static func order(_ left: [Value], _ right: [Value]) -> Int {
    for index in 0..<min(left.count, right.count) {
      let order = order(left[index], right[index])
      if order != 0 { return order }
    }
    return left.count - right.count
  }
}

extension Value: Equatable, Comparable {
  package static func == (left: Value, right: Value) -> Bool {
    if case .string(let left) = left, case .string(let right) = right { return sameBytes(left, right) }
    return order(left, right) == 0
  }

  package static func < (left: Value, right: Value) -> Bool { order(left, right) < 0 }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .int(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: Value...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (Value, Value)...) { self = .object(ObjectValue(elements)) }
}

/// Strings are the same when their bytes are: Swift would take "é" of one and of two characters for the same.
@inline(__always)
func sameBytes(_ left: String, _ right: String) -> Bool {
  left.utf8.count == right.utf8.count && byteOrder(left, right) == 0
}

/// The order of the bytes of two strings.
func byteOrder(_ left: String, _ right: String) -> Int {
  let fast = left.utf8.withContiguousStorageIfAvailable { left in
    right.utf8.withContiguousStorageIfAvailable { right in byteOrder(left, right) }
  }
  if let order = fast ?? nil { return order }
  return Array(left.utf8).withUnsafeBufferPointer { left in
    Array(right.utf8).withUnsafeBufferPointer { right in byteOrder(left, right) }
  }
}

private func byteOrder(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
  let count = min(left.count, right.count)
  if count > 0, let first = left.baseAddress, let second = right.baseAddress {
    let order = memcmp(first, second, count)
    if order != 0 { return Int(order) }
  }
  return left.count - right.count
}
