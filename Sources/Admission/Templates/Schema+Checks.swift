import Rego

extension Schema {
  /// - Returns: the value with defaults filled in.
  func checked(_ value: Value, path: String) throws(SchemaViolation) -> Value {
    if case .null = value, isNullable { return value }
    try checkKind(value, path)
    if let allowed, !allowed.contains(value) {
      throw SchemaViolation(path: path, reason: "\(value) is none of \(Value.array(allowed))")
    }
    var result = value
    switch value {
    case .object(let object): result = try checked(object, path)
    case .array(let array): result = try checked(array.items, path)
    case .string(let text): try check(text, path)
    case .number(let number): try check(number, path)
    default: break
    }
    try checkCombinations(result, path)
    return result
  }

  private func checkKind(_ value: Value, _ path: String) throws(SchemaViolation) {
    if isIntOrString {
      switch value {
      case .string: return
      case .number(let number) where number.int != nil: return
      default: throw SchemaViolation(path: path, reason: "expected a whole number or text, found \(value.typeName)")
      }
    }
    guard let kind else { return }
    let fits =
      switch (kind, value) {
      case (.object, .object), (.array, .array), (.string, .string), (.boolean, .bool), (.number, .number): true
      case (.integer, .number(let number)): number.int != nil
      default: false
      }
    if !fits { throw SchemaViolation(path: path, reason: "expected \(kind.rawValue), found \(value.typeName)") }
  }

  // MARK: Collections

  private func checked(_ object: ObjectValue, _ path: String) throws(SchemaViolation) -> Value {
    var result = object
    for (name, schema) in properties.sorted(by: { $0.key < $1.key }) {
      if let own = object[name] {
        result[.string(name)] = try schema.checked(own, path: "\(path).\(name)")
      } else if let value = schema.defaultValue {
        result[.string(name)] = try schema.checked(value, path: "\(path).\(name)")
      }
    }
    for name in required where result[name] == nil {
      throw SchemaViolation(path: "\(path).\(name)", reason: "it is required and missing")
    }
    for entry in object.entries {
      guard let name = entry.key.text, properties[name] == nil else { continue }
      if let additional {
        result[entry.key] = try additional.checked(entry.value, path: "\(path).\(name)")
      } else if !allowsAdditional, !keepsUnknown, kind == .object {
        // The API server would drop it in silence, and a policy that misses a parameter says something else.
        let known = properties.keys.sorted().joined(separator: ", ")
        throw SchemaViolation(
          path: "\(path).\(name)", reason: "there is no such field\(known.isEmpty ? "" : "; there are \(known)")")
      }
    }
    try check(result.count, entries, "fields", path)
    return .object(result)
  }

  private func checked(_ values: [Value], _ path: String) throws(SchemaViolation) -> Value {
    try check(values.count, count, "items", path)
    var result = values
    if let items {
      for index in values.indices { result[index] = try items.checked(values[index], path: "\(path)[\(index)]") }
    }
    if hasUniqueItems, SetValue(result).count < result.count {
      throw SchemaViolation(path: path, reason: "an item stands twice")
    }
    return .array(result)
  }

  private func check(
    _ count: Int, _ range: ClosedRange<Int>, _ what: String, _ path: String
  ) throws(SchemaViolation) {
    if count < range.lowerBound {
      throw SchemaViolation(path: path, reason: "\(count) \(what), fewer than \(range.lowerBound)")
    }
    if count > range.upperBound {
      throw SchemaViolation(path: path, reason: "\(count) \(what), more than \(range.upperBound)")
    }
  }

  // MARK: Scalars

  private func check(_ text: String, _ path: String) throws(SchemaViolation) {
    try check(text.unicodeScalars.count, length, "characters", path)
    if let pattern, !pattern.matches(text) {
      throw SchemaViolation(path: path, reason: "\"\(text)\" does not match \(pattern.text)")
    }
  }

  private func check(_ number: Number, _ path: String) throws(SchemaViolation) {
    if let least = bounds.least, Number.order(number, least) < (bounds.excludesLeast ? 1 : 0) {
      throw SchemaViolation(path: path, reason: "\(number.text) is too small, the least is \(least.text)")
    }
    if let most = bounds.most, Number.order(number, most) > (bounds.excludesMost ? -1 : 0) {
      throw SchemaViolation(path: path, reason: "\(number.text) is too large, the most is \(most.text)")
    }
    if let step = multipleOf, (number.int ?? 1) % step != 0 || number.int == nil {
      throw SchemaViolation(path: path, reason: "\(number.text) is no multiple of \(step)")
    }
  }

  // MARK: Combinations

  private func checkCombinations(_ value: Value, _ path: String) throws(SchemaViolation) {
    for schema in all { _ = try schema.checked(value, path: path) }
    if !any.isEmpty, !any.contains(where: { $0.accepts(value) }) {
      throw SchemaViolation(path: path, reason: "it fits none of anyOf")
    }
    if !one.isEmpty, one.filter({ $0.accepts(value) }).count != 1 {
      throw SchemaViolation(path: path, reason: "it does not fit exactly one of oneOf")
    }
    if let not, not.accepts(value) { throw SchemaViolation(path: path, reason: "it fits what 'not' excludes") }
  }

  private func accepts(_ value: Value) -> Bool { (try? checked(value, path: "")) != nil }
}
