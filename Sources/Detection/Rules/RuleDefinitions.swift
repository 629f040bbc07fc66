import AgentModel

/// What rules files define, as read: conditions are text, and what later items changed is worked in.
struct RuleDefinitions: Sendable {
  struct List: Sendable {
    var name: String
    var items: [String]
    var context: LoadContext
  }

  struct Macro: Sendable {
    var name: String
    var condition: String
    var context: LoadContext
    var conditionContext: LoadContext
  }

  struct Exception: Sendable {
    /// A word, or words in any nesting.
    indirect enum Entry: Hashable, Sendable {
      case none
      case word(String)
      case list([Entry])

      var word: String {
        if case .word(let word) = self { return word }
        return ""
      }

      var list: [Entry]? {
        if case .list(let entries) = self { return entries }
        return nil
      }

      var isGiven: Bool {
        switch self {
        case .none: false
        case .word(let word): !word.isEmpty
        case .list(let entries): !entries.isEmpty
        }
      }
    }

    var name: String
    var fields = Entry.none
    var comparisons = Entry.none
    var values: [Entry] = []
    var context: LoadContext
  }

  struct Rule: Sendable {
    var name: String
    var condition: String
    var output: String
    var description: String
    var priority: AlertPriority
    var source: String
    var tags: Set<String>
    var exceptions: [Exception]
    var isEnabled = true
    var warnsOfEventTypes = true
    var skipsUnknownFilter = false
    var isOfUnknownSource = false
    var context: LoadContext
    var conditionContext: LoadContext
    var outputContext: LoadContext
  }

  /// Changes to a rule that is there already.
  struct RuleChange: Sendable {
    var name: String
    var source = ""
    var condition: String?
    var output: String?
    var description: String?
    var tags: Set<String>?
    var exceptions: [Exception]?
    var priority: AlertPriority?
    var isEnabled: Bool?
    var warnsOfEventTypes: Bool?
    var skipsUnknownFilter: Bool?
    /// Falco's `capture` settings, which nothing here acts on.
    var hasCapture = false
    var context: LoadContext
  }

  private(set) var lists = NamedDefinitions<List>()
  private(set) var macros = NamedDefinitions<Macro>()
  /// In the order of their first definitions.
  private(set) var rules: [Rule] = []
  private(set) var requiredEngineVersion: EngineVersion?

  private var rulePlaces: [String: Int] = [:]

  struct PluginRequirement: Hashable, Sendable {
    var name: String
    var version: String
  }

  // MARK: Requirements

  mutating func require(_ version: EngineVersion, _ context: LoadContext) throws(RuleError) {
    guard EngineVersion.current.isCompatible(with: version) else {
      throw RuleError(
        .validate, "Rules require engine version \(version), but engine version is \(EngineVersion.current)", context)
    }
    requiredEngineVersion = max(requiredEngineVersion ?? version, version)
  }

  mutating func require(_ alternatives: [PluginRequirement], _ context: LoadContext) throws(RuleError) {
    var names: Set<String> = []
    for requirement in alternatives {
      guard EngineVersion(requirement.version) != nil else {
        throw RuleError(
          .validate, "Invalid required version '\(requirement.version)' for plugin '\(requirement.name)'", context)
      }
      guard names.insert(requirement.name).inserted else {
        throw RuleError(
          .validate, "Defined multiple alternative version requirements for plugin '\(requirement.name)'", context)
      }
    }
    for requirement in alternatives {
      guard let version = Self.plugins[requirement.name], let required = EngineVersion(requirement.version) else {
        continue
      }
      guard version.isCompatible(with: required) else {
        throw RuleError(
          .validate,
          "Plugin '\(requirement.name)' version '\(version)' is not compatible with required plugin version "
            + "'\(requirement.version)'", context)
      }
      return
    }
    let wanted = alternatives.map { "\($0.name) (>= \($0.version))" }.joined(separator: ", ")
    throw RuleError(
      .validate, "Plugin requirement not satisfied, must load one of: \(wanted)", context)
  }

  /// The plugins of Falco whose fields are built in.
  private static let plugins = ["container": EngineVersion(major: 0, minor: 7, patch: 1)]

  // MARK: Lists and macros

  mutating func define(_ list: List) { lists.define(list, as: list.name) }

  mutating func append(_ list: List) throws(RuleError) {
    guard lists.change(list.name, { $0.items += list.items }) else {
      throw RuleError(
        .validate, "List uses 'append' or 'override.items: append' but no list by that name already exists",
        list.context)
    }
  }

  mutating func define(_ macro: Macro) { macros.define(macro, as: macro.name) }

  mutating func append(_ macro: Macro) throws(RuleError) {
    guard macros.change(macro.name, { $0.condition += " " + macro.condition }) else {
      throw RuleError(
        .validate, "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists",
        macro.context)
    }
  }

  // MARK: Rules

  static let source = "syscall"

  mutating func define(_ rule: Rule, result: inout LoadResult) throws(RuleError) {
    _ = try existing(rule.name, source: rule.source, rule.context)
    var rule = rule
    if rule.source != Self.source {
      rule.isOfUnknownSource = true
      result.warn(.unknownSource, "Unknown source \(rule.source), skipping", rule.context)
    }
    for index in rule.exceptions.indices {
      guard rule.exceptions[index].fields.isGiven else {
        throw RuleError(
          .validate, "Rule exception item must have fields property with a list of fields",
          rule.exceptions[index].context)
      }
      try rule.exceptions[index].complete(checkingFields: !rule.isOfUnknownSource)
    }
    if let place = rulePlaces[rule.name] {
      rules[place] = rule
    } else {
      rulePlaces[rule.name] = rules.count
      rules.append(rule)
    }
  }

  private func existing(_ name: String, source: String, _ context: LoadContext) throws(RuleError) -> Int? {
    guard let place = rulePlaces[name] else { return nil }
    let former = rules[place].source
    if !former.isEmpty, !source.isEmpty, former != source {
      throw RuleError(.validate, "Rule has been re-defined with a different source", context)
    }
    return place
  }

  mutating func append(_ change: RuleChange) throws(RuleError) {
    guard let place = try existing(change.name, source: change.source, change.context) else {
      throw RuleError(
        .validate, "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists",
        change.context)
    }
    guard change.hasAny else {
      throw RuleError(.validate, "Appended rule must have exceptions or condition property", change.context)
    }
    func extend(_ path: WritableKeyPath<Rule, String>, by text: String?) {
      if let text, !text.isEmpty { rules[place][keyPath: path] += " " + text }
    }
    extend(\.condition, by: change.condition)
    extend(\.output, by: change.output)
    extend(\.description, by: change.description)
    rules[place].tags.formUnion(change.tags ?? [])
    for exception in change.exceptions ?? [] { try append(exception, toRuleAt: place) }
  }

  private mutating func append(_ exception: Exception, toRuleAt place: Int) throws(RuleError) {
    var exception = exception
    guard let known = rules[place].exceptions.firstIndex(where: { $0.name == exception.name }) else {
      guard exception.fields.isGiven else {
        throw RuleError(
          .validate, "Rule exception must have fields property with a list of fields", exception.context)
      }
      guard !exception.values.isEmpty else {
        throw RuleError(
          .validate, "Rule exception must have values property with a list of values", exception.context)
      }
      try exception.complete(checkingFields: !rules[place].isOfUnknownSource)
      rules[place].exceptions.append(exception)
      return
    }
    guard !exception.fields.isGiven else {
      throw RuleError(
        .validate, "Can not append exception fields to existing exception, only values", exception.context)
    }
    guard !exception.comparisons.isGiven else {
      throw RuleError(
        .validate, "Can not append exception comps to existing exception, only values", exception.context)
    }
    rules[place].exceptions[known].values += exception.values
  }

  mutating func replace(_ change: RuleChange) throws(RuleError) {
    guard let place = try existing(change.name, source: change.source, change.context) else {
      throw RuleError(
        .validate, "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists",
        change.context)
    }
    guard change.hasAny else {
      throw RuleError(.validate, "The rule must have at least one field that can be replaced", change.context)
    }
    var rule = rules[place]
    if var exceptions = change.exceptions {
      for index in exceptions.indices { try exceptions[index].complete(checkingFields: !rule.isOfUnknownSource) }
      rule.exceptions = exceptions
    }
    rule.condition = change.condition ?? rule.condition
    rule.output = change.output ?? rule.output
    rule.description = change.description ?? rule.description
    rule.tags = change.tags ?? rule.tags
    rule.priority = change.priority ?? rule.priority
    rule.isEnabled = change.isEnabled ?? rule.isEnabled
    rule.warnsOfEventTypes = change.warnsOfEventTypes ?? rule.warnsOfEventTypes
    rule.skipsUnknownFilter = change.skipsUnknownFilter ?? rule.skipsUnknownFilter
    rules[place] = rule
  }

  mutating func enable(_ name: String, _ isEnabled: Bool, _ context: LoadContext) throws(RuleError) {
    guard let place = rulePlaces[name] else {
      throw RuleError(
        .validate, "Rule has 'enabled' key but no rule by that name already exists", context)
    }
    rules[place].isEnabled = isEnabled
  }
}

extension RuleDefinitions.RuleChange {
  fileprivate var hasAny: Bool {
    condition != nil || output != nil || description != nil || tags != nil || exceptions != nil || priority != nil
      || isEnabled != nil || warnsOfEventTypes != nil || skipsUnknownFilter != nil || hasCapture
  }
}
