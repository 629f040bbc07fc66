import Manifests

/// Exceptions of rules.
extension RuleReader {
  mutating func readExceptions(
    _ item: YAMLNode, _ parent: LoadContext, isAppending: Bool
  ) throws(RuleError) -> [RuleDefinitions.Exception] {
    guard let node = item["exceptions"], !node.isNull else { return [] }
    let inside = parent.inside(node, .exceptions)
    guard let entries = node.items else {
      throw RuleError(.yamlValidate, "Rule exceptions must be a sequence", inside)
    }
    var exceptions: [RuleDefinitions.Exception] = []
    var names: Set<String> = []
    for entry in entries {
      let unnamed = inside.inside(entry, .exception)
      guard entry.pairs != nil else { throw RuleError(.yamlValidate, "Rule exception must be a mapping", unnamed) }
      try requireScalarKeys(entry)
      let name = try entry.requiredText("name", unnamed)
      let context = parent.inside(entry, .exception, name)
      var exception = RuleDefinitions.Exception(name: name, context: context)
      if !names.insert(name).inserted {
        result.warn(
          .exceptionNameNotUnique, "Multiple definitions of exception '\(name)' in the same rule", context)
      }
      if let fields = entry["fields"] {
        exception.fields = try readEntry(fields, context.inside(fields, .valueFor, "fields"))
      } else if !isAppending {
        throw RuleError(.yamlValidate, "Item has no mapping for key 'fields'", context)
      }
      if let comparisons = entry["comps"] {
        exception.comparisons = try readEntry(comparisons, context.inside(comparisons, .valueFor, "comps"))
      }
      if let values = entry["values"] {
        let valuesContext = context.inside(values, .exceptionValues)
        guard let rows = values.items else {
          throw RuleError(.yamlValidate, "Rule exception values must be a sequence", valuesContext)
        }
        for row in rows {
          let rowContext = valuesContext.inside(row, .exceptionValue)
          exception.values.append(try readEntry(row, rowContext.inside(row, .valueFor)))
        }
      } else if isAppending {
        result.warn(.appendNoValues, "Overriding/appending exception with no values", context)
      }
      exceptions.append(exception)
    }
    return exceptions
  }

  private func readEntry(
    _ node: YAMLNode, _ context: LoadContext
  ) throws(RuleError) -> RuleDefinitions.Exception.Entry {
    if let text = node.text {
      guard !text.isEmpty else { throw RuleError(.yamlValidate, "Value must be non-empty", context) }
      return .word(text)
    }
    guard let items = node.items else { return .none }
    var entries: [RuleDefinitions.Exception.Entry] = []
    for item in items {
      entries.append(try readEntry(item, context.inside(item, .exception).inside(item, .valueFor)))
    }
    return .list(entries)
  }
}
