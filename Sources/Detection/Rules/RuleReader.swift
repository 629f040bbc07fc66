import AgentModel
import Faults
import Manifests

/// Reads the items of a rules file (falco.org/docs/concepts/rules).
struct RuleReader {
  /// The most bytes of one file.
  static let longest = 16 << 20

  var definitions: RuleDefinitions
  var result: LoadResult
  private let root: LoadContext

  init(_ definitions: RuleDefinitions, file: String) {
    self.definitions = definitions
    result = LoadResult(file: file)
    root = LoadContext(file: file)
  }

  /// Reads a file's items into `definitions`; ends at the first error, which is then in `result`.
  mutating func read(_ text: String) {
    do {
      let documents: [YAMLNode]
      do {
        documents = try YAMLNode.parse(text, source: root.file, longest: Self.longest)
      } catch let fault as Fault {
        throw RuleError(.yamlParse, fault.reason, root)
      }
      for document in documents where !document.isNull {
        if document.text != nil { throw RuleError(.yamlValidate, "Rules content is not yaml", root) }
        guard let items = document.items else {
          throw RuleError(.yamlValidate, "Rules content is not yaml array of objects", root)
        }
        for item in items where !item.isNull { try read(item) }
      }
    } catch let error as RuleError {
      result.add(error)
    } catch {
      result.add(RuleError(.validate, "\(error)", root))
    }
  }

  private mutating func read(_ item: YAMLNode) throws(RuleError) {
    guard item.pairs != nil else {
      throw RuleError(
        .yamlValidate, "Unexpected element type. Each element should be a yaml associative array.",
        root.inside(item, .rulesContentItem))
    }
    try requireScalarKeys(item)
    if item["required_engine_version"] != nil {
      try readEngineVersion(item)
    } else if item["required_plugin_versions"] != nil {
      try readPluginVersions(item)
    } else if item["list"] != nil {
      try readList(item)
    } else if item["macro"] != nil {
      try readMacro(item)
    } else if item["rule"] != nil {
      try readRule(item)
    } else {
      result.warn(.unknownItem, "Unknown top level item", root.inside(item, .rulesContentItem))
    }
  }

  /// Falco looks keys up as text, and gives up at one that is none.
  func requireScalarKeys(_ node: YAMLNode) throws(RuleError) {
    for (key, _) in node.pairs ?? [] where key.textOrNull == nil {
      throw RuleError(
        .yamlParse, "error at line \(key.mark.line + 1), column \(key.mark.column + 1): a key must be a scalar", root)
    }
  }

  // MARK: Requirements

  private mutating func readEngineVersion(_ item: YAMLNode) throws(RuleError) {
    let context = root.inside(item, .requiredEngineVersion)
    let text = try item.requiredText("required_engine_version", context)
    let version: EngineVersion
    if let minor = text.yamlUnsigned {
      version = EngineVersion(major: EngineVersion.current.major, minor: minor, patch: EngineVersion.current.patch)
    } else if let parsed = EngineVersion(text) {
      version = parsed
    } else {
      throw RuleError(
        .yamlValidate,
        "Unable to parse engine version '\(text)' as a semver string. Expected \"x.y.z\" semver format.", context)
    }
    try definitions.require(version, context)
    warnOfUnknownKeys(item, ["required_engine_version"], context)
  }

  private mutating func readPluginVersions(_ item: YAMLNode) throws(RuleError) {
    guard let value = item["required_plugin_versions"] else { return }
    let context = root.inside(value, .requiredPluginVersions)
    guard let entries = value.items else {
      throw RuleError(.yamlValidate, "Value of required_plugin_versions must be a sequence", context)
    }
    for entry in entries {
      let unnamed = context.inside(entry, .requiredPluginVersionsEntry)
      guard entry.pairs != nil else {
        throw RuleError(.yamlValidate, "Plugin version must be a mapping", unnamed)
      }
      try requireScalarKeys(entry)
      let name = try entry.requiredText("name", unnamed)
      let named = context.inside(entry, .requiredPluginVersionsEntry, name)
      let version = try entry.requiredText("version", named)
      var requirements = [RuleDefinitions.PluginRequirement(name: name, version: version)]
      if let alternatives = entry["alternatives"] {
        guard let alternatives = alternatives.items else {
          throw RuleError(.yamlValidate, "Value of plugin version alternatives must be a sequence", named)
        }
        for alternative in alternatives {
          requirements.append(try readAlternative(alternative, named))
        }
      }
      try definitions.require(requirements, named)
    }
    warnOfUnknownKeys(item, ["required_plugin_versions"], root.inside(item, .requiredPluginVersions))
  }

  private func readAlternative(
    _ node: YAMLNode, _ parent: LoadContext
  ) throws(RuleError) -> RuleDefinitions.PluginRequirement {
    let unnamed = parent.inside(node, .requiredPluginVersionsAlternative)
    guard node.pairs != nil else {
      throw RuleError(.yamlValidate, "Plugin version alternative must be a mapping", unnamed)
    }
    try requireScalarKeys(node)
    let name = try node.requiredText("name", unnamed)
    let named = parent.inside(node, .requiredPluginVersionsAlternative, name)
    return RuleDefinitions.PluginRequirement(name: name, version: try node.requiredText("version", named))
  }

  // MARK: Lists and macros

  private static let appendIsDeprecated =
    "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead."
  private static let overrideAndAppend =
    "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. 'condition: append') "
    + "under 'override' instead."

  private mutating func readList(_ item: YAMLNode) throws(RuleError) {
    let name = try item.requiredText("list", root.inside(item, .list))
    let context = root.inside(item, .list, name)
    if name.isEmpty || !name.utf8.allSatisfy(Self.isBareByte) {
      result.warn(
        .invalidListName,
        "List has an invalid name. List names should match a regular expression: ([^()\"'[:space:]=,]+)", context)
    }
    let items = try item.words("items", context)
    guard let items else { throw RuleError(.yamlValidate, "Item has no mapping for key 'items'", context) }
    let list = RuleDefinitions.List(name: name, items: items, context: context)
    if try readAppend(item, overridable: ["items"], context) {
      try definitions.append(list)
    } else {
      definitions.define(list)
    }
    warnOfUnknownKeys(item, ["list", "items", "append", "override"], context)
  }

  private static func isBareByte(_ byte: UInt8) -> Bool {
    !"()\"'=,".utf8.contains(byte) && !ConditionScanner.isSpace(byte)
  }

  private mutating func readMacro(_ item: YAMLNode) throws(RuleError) {
    let name = try item.requiredText("macro", root.inside(item, .macro))
    let context = root.inside(item, .macro, name)
    var scanner = ConditionScanner(name)
    if !scanner.takeIdentifier() || !scanner.isAtEnd {
      result.warn(
        .invalidMacroName,
        "Macro has an invalid name. Macro names should match a regular expression: ([a-zA-Z]+[a-zA-Z0-9_]*)", context)
    }
    let condition = try item.requiredText("condition", context)
    let macro = RuleDefinitions.Macro(
      name: name, condition: condition, context: context,
      conditionContext: context.inside(item["condition"] ?? item, .macroCondition))
    if try readAppend(item, overridable: ["condition"], context) {
      try definitions.append(macro)
    } else {
      definitions.define(macro)
    }
    warnOfUnknownKeys(item, ["macro", "condition", "append", "override"], context)
  }

  /// Whether the item adds to one that is there.
  private mutating func readAppend(
    _ item: YAMLNode, overridable: Set<String>, _ context: LoadContext
  ) throws(RuleError) -> Bool {
    let (appends, overrides) = try readChanges(item, appendable: overridable, replaceable: overridable, context)
    return appends || !overrides.append.isEmpty
  }

  /// The two ways to say that an item changes an earlier one, of which it may use one.
  private mutating func readChanges(
    _ item: YAMLNode, appendable: Set<String>, replaceable: Set<String>, _ context: LoadContext
  ) throws(RuleError) -> (appends: Bool, overrides: Overrides) {
    let appends = try item.optionalBool("append", context) ?? false
    if appends { result.warn(.deprecatedItem, Self.appendIsDeprecated, context) }
    let overrides = try readOverrides(item, appendable: appendable, replaceable: replaceable, context)
    guard !appends || overrides.isEmpty else { throw RuleError(.yamlValidate, Self.overrideAndAppend, context) }
    return (appends, overrides)
  }

  private struct Overrides {
    var append: Set<String> = []
    var replace: Set<String> = []

    var isEmpty: Bool { append.isEmpty && replace.isEmpty }
  }

  private func readOverrides(
    _ item: YAMLNode, appendable: Set<String>, replaceable: Set<String>, _ context: LoadContext
  ) throws(RuleError) -> Overrides {
    var overrides = Overrides()
    guard let node = item["override"] else { return overrides }
    if node.items?.isEmpty == false {
      throw RuleError(
        .validate, "invalid node; this may result from using a map iterator as a sequence iterator, or vice-versa", root
      )
    }
    try requireScalarKeys(node)
    let inside = context.inside(item, .overrides)
    for (keyNode, valueNode) in node.pairs ?? [] {
      guard let key = keyNode.textOrNull, let operation = valueNode.textOrNull else {
        let place = valueNode.mark
        throw RuleError(
          .validate, "error at line \(place.line + 1), column \(place.column + 1): an override must be a scalar", root)
      }
      switch operation {
      case "append":
        guard appendable.contains(key) else {
          throw RuleError(
            .yamlValidate, "Key '\(key)' cannot be appended to, use 'replace' instead",
            inside.inside(keyNode, .overrides, key))
        }
        overrides.append.insert(key)
      case "replace":
        guard replaceable.contains(key) else {
          throw RuleError(
            .yamlValidate, "Key '\(key)' cannot be replaced", inside.inside(keyNode, .overrides, key))
        }
        overrides.replace.insert(key)
      default:
        let allowed = (appendable.contains(key) ? "append " : "") + (replaceable.contains(key) ? "replace " : "")
        throw RuleError(
          .yamlValidate,
          "Invalid override operation for key '\(key)': '\(operation)'. Allowed values are: \(allowed)",
          inside.inside(valueNode, .valueFor, key))
      }
    }
    return overrides
  }

  // MARK: Rules

  private static let appendableKeys: Set<String> = ["condition", "output", "desc", "tags", "exceptions"]
  private static let replaceableKeys = appendableKeys.union([
    "priority", "capture", "capture_duration", "enabled", "warn_evttypes", "skip-if-unknown-filter",
  ])
  private static let ruleKeys = replaceableKeys.union(["rule", "source", "override", "append"])

  private mutating func readRule(_ item: YAMLNode) throws(RuleError) {
    let name = try item.requiredText("rule", root.inside(item, .rule))
    let context = root.inside(item, .rule, name)
    let source = try item.optionalText("source", context, mayBeEmpty: true) ?? ""
    let (appends, overrides) = try readChanges(
      item, appendable: Self.appendableKeys, replaceable: Self.replaceableKeys, context)
    if !overrides.isEmpty {
      try readOverridingRule(item, name: name, source: source, overrides, context)
    } else if appends {
      var change = RuleDefinitions.RuleChange(name: name, source: source, context: context)
      if item["condition"] != nil { change.condition = try item.requiredText("condition", context) }
      if item["exceptions"] != nil { change.exceptions = try readExceptions(item, context, isAppending: true) }
      try definitions.append(change)
    } else if ["condition", "output", "desc", "priority"].allSatisfy({ item[$0] == nil }) {
      let isEnabled = try item.requiredBool("enabled", context)
      result.warn(
        .deprecatedItem,
        "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry under "
          + "the 'override' key (i.e. 'enabled: replace').", context)
      try definitions.enable(name, isEnabled, context)
    } else {
      try readNewRule(item, name: name, context)
    }
    warnOfUnknownKeys(item, Self.ruleKeys, context)
  }

  private mutating func readNewRule(_ item: YAMLNode, name: String, _ context: LoadContext) throws(RuleError) {
    let condition = try item.requiredText("condition", context)
    let output = try item.requiredText("output", context)
    let description = try item.requiredText("desc", context)
    let priority = try item.requiredText("priority", context)
    var rule = RuleDefinitions.Rule(
      name: name, condition: condition, output: output.trimmed(of: ConditionScanner.isSpace), description: description,
      priority: try readPriority(priority, item, context), source: RuleDefinitions.source, tags: [], exceptions: [],
      context: context, conditionContext: context.inside(item["condition"] ?? item, .ruleCondition),
      outputContext: context.inside(item["output"] ?? item, .ruleOutput))
    rule.source = try item.optionalText("source", context) ?? rule.source
    rule.isEnabled = try item.optionalBool("enabled", context) ?? true
    _ = try item.optionalBool("capture", context)
    _ = try item.optionalUnsigned("capture_duration", context)
    rule.warnsOfEventTypes = try item.optionalBool("warn_evttypes", context) ?? true
    rule.skipsUnknownFilter = try item.optionalBool("skip-if-unknown-filter", context) ?? false
    rule.tags = Set(try item.words("tags", context) ?? [])
    rule.exceptions = try readExceptions(item, context, isAppending: false)
    try definitions.define(rule, result: &result)
  }

  private func readPriority(
    _ text: String, _ item: YAMLNode, _ context: LoadContext
  ) throws(RuleError) -> AlertPriority {
    guard let priority = AlertPriority(text) else {
      throw RuleError(.yamlValidate, "Invalid priority", context.inside(item["priority"] ?? item, .rulePriority))
    }
    return priority
  }

  private mutating func readOverridingRule(
    _ item: YAMLNode, name: String, source: String, _ overrides: Overrides, _ context: LoadContext
  ) throws(RuleError) {
    var expected = Self.replaceableKeys.filter { item[$0] != nil }
    if !overrides.append.isEmpty {
      try definitions.append(
        readChange(item, name: name, source: source, overrides.append, "append", &expected, context))
    }
    if !overrides.replace.isEmpty {
      try definitions.replace(
        readChange(item, name: name, source: source, overrides.replace, "replace", &expected, context))
    }
    if let key = expected.min() {
      throw RuleError(
        .yamlValidate, "Unexpected key '\(key)': no corresponding entry under 'override' is defined.",
        context.inside(item[key] ?? item, .overrides, key))
    }
  }

  /// The keys are asked for in the order in which Falco does it, so that the first error is the same.
  private mutating func readChange(
    _ item: YAMLNode, name: String, source: String, _ keys: Set<String>, _ kind: String, _ expected: inout Set<String>,
    _ context: LoadContext
  ) throws(RuleError) -> RuleDefinitions.RuleChange {
    func isWanted(_ key: String) throws(RuleError) -> Bool {
      guard keys.contains(key) else { return false }
      guard expected.remove(key) != nil else {
        throw RuleError(
          .yamlValidate, "An \(kind) override for '\(key)' was specified but '\(key)' is not defined", context)
      }
      return true
    }
    var change = RuleDefinitions.RuleChange(name: name, context: context)
    if try isWanted("condition") {
      change.source = source
      change.condition = try item.requiredText("condition", context)
    }
    if try isWanted("exceptions") {
      change.exceptions = try readExceptions(item, context, isAppending: kind == "append")
    }
    if try isWanted("output") { change.output = try item.requiredText("output", context) }
    if try isWanted("desc") { change.description = try item.requiredText("desc", context) }
    if try isWanted("tags") { change.tags = Set(try item.words("tags", context) ?? []) }
    if try isWanted("priority") {
      change.priority = try readPriority(try item.requiredText("priority", context), item, context)
    }
    if try isWanted("capture") {
      _ = try item.requiredBool("capture", context)
      change.hasCapture = true
    }
    if try isWanted("capture_duration") {
      _ = try item.requiredUnsigned("capture_duration", context)
      change.hasCapture = true
    }
    if try isWanted("enabled") { change.isEnabled = try item.requiredBool("enabled", context) }
    if try isWanted("warn_evttypes") { change.warnsOfEventTypes = try item.requiredBool("warn_evttypes", context) }
    if try isWanted("skip-if-unknown-filter") {
      change.skipsUnknownFilter = try item.requiredBool("skip-if-unknown-filter", context)
    }
    return change
  }

  private mutating func warnOfUnknownKeys(_ item: YAMLNode, _ known: Set<String>, _ context: LoadContext) {
    for (key, _) in item.pairs ?? [] {
      let name = key.textOrNull ?? ""
      if !known.contains(name) {
        result.warn(.unknownKey, "Unknown key '\(name)'. The key will be ignored.", context)
      }
    }
  }
}
