/// Exceptions of rules: what completes them, and the condition that they become.
extension RuleDefinitions.Exception {
  /// Adds what may be left out, and checks what is there.
  mutating func complete(checkingFields: Bool) throws(RuleError) {
    if let fields = fields.list {
      if !comparisons.isGiven { comparisons = .list(fields.map { _ in .word("=") }) }
      let operators = comparisons.list ?? []
      guard fields.count == operators.count else {
        throw RuleError(.validate, "Fields and comps lists must have equal length", context)
      }
      comparisons = .list(operators.map { .word($0.word.trimmed(of: ListExpansion.isBlank)) })
      for comparison in comparisons.list ?? [] where !Self.isOperator(comparison.word) {
        throw RuleError(.validate, "'\(comparison.word)' is not a supported comparison operator", context)
      }
      if checkingFields { for field in fields { try checkField(field.word) } }
    } else {
      if !comparisons.isGiven { comparisons = .word("in") }
      guard comparisons.list == nil else {
        throw RuleError(.validate, "Fields and comps must both be strings", context)
      }
      comparisons = .word(comparisons.word.trimmed(of: ListExpansion.isBlank))
      let word = comparisons.word
      guard ["in", "pmatch", "intersects"].contains(word) || Comparison(word)?.modifier != nil else {
        throw RuleError(
          .validate,
          "When fields is a single value, comps must be one of (in, pmatch, intersects) or a modifier operator "
            + "(e.g. startswith oneof)", context)
      }
      if checkingFields { try checkField(fields.word) }
    }
  }

  private static func isOperator(_ text: String) -> Bool { Comparison(text) != nil }

  private func checkField(_ text: String) throws(RuleError) {
    guard Self.isField(text) else {
      throw RuleError(.validate, "'\(text)' is not a supported filter field", context)
    }
  }

  private static func isField(_ text: String) -> Bool {
    if text.contains("(") {
      guard case .exists(let term, _)? = try? ConditionParser.parse(text + " exists", deepest: 100) else {
        return false
      }
      return (try? TypedTerm(term)) != nil
    }
    // What is no field and what is one with a wrong argument are refused alike.
    return (try? FieldReference.resolve(text)) ?? nil != nil
  }
}

extension RuleDefinitions.Rule {
  /// The condition, with the exceptions as text behind it.
  ///
  /// - Throws: `RuleError` for an exception whose values do not fit its fields.
  func conditionWithExceptions() throws(RuleError) -> String {
    guard !exceptions.isEmpty else { return condition }
    var text = "(\(condition))"
    for exception in exceptions {
      let part = try exception.condition()
      if !part.isEmpty { text += " and not " + part }
    }
    return text
  }
}

extension RuleDefinitions.Exception {
  fileprivate func condition() throws(RuleError) -> String {
    guard let fields = fields.list else {
      var items: [String] = []
      for value in values {
        guard value.list == nil else {
          throw RuleError(.validate, "Expected values array to contain a list of strings", context)
        }
        items.append(value.word.quotedIfNeeded)
      }
      return items.isEmpty ? "" : "(\(self.fields.word) \(comparisons.word) (\(items.joined(separator: ", "))))"
    }
    let operators = comparisons.list?.map(\.word) ?? []
    var alternatives: [String] = []
    for row in values {
      let row = row.list ?? []
      guard row.count == fields.count else {
        throw RuleError(.validate, "Fields and values lists must have equal length", context)
      }
      let parts = fields.indices.map { index in
        " \(fields[index].word) \(operators[index]) \(Self.text(of: row[index], operator: operators[index]))"
      }
      alternatives.append("(" + parts.joined(separator: " and ") + ")")
    }
    return alternatives.isEmpty ? "" : "(\(alternatives.joined(separator: " or ")))"
  }

  private static func text(of value: Entry, operator name: String) -> String {
    if let items = value.list { return "(\(items.map(\.word.quotedIfNeeded).joined(separator: ", ")))" }
    guard let comparison = Comparison(name), comparison.operator.takesList || comparison.modifier != nil else {
      return value.word.quotedIfNeeded
    }
    return value.word.hasPrefix("(") ? value.word : "(\(value.word))"
  }
}

extension String {
  /// In quotes, when it has a blank and no quotes yet.
  var quotedIfNeeded: String {
    utf8.contains(UInt8(ascii: " ")) && !hasPrefix("\"") && !hasPrefix("'") ? "\"\(self)\"" : self
  }
}
