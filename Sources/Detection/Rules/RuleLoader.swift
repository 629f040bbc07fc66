import AgentModel

/// Loads rules files one after the other: later ones may change what earlier ones define.
///
/// Decisions, messages and warnings are those of Falco's loader (falcosecurity/falco, userspace/engine), engine version
/// `EngineVersion.current`.
package struct RuleLoader: Sendable {
  private var definitions = RuleDefinitions()
  private var compilation: Compilation?

  package init() {}

  /// Reads a file, and compiles all rules that were read so far. When that fails, `compiled` gives what it gave before.
  ///
  /// As with Falco's loader, what was read before an error stays, so that later files are not blamed for what only the
  /// earlier one did wrong; and a file that can be read but not compiled makes later ones fail too, unless they define
  /// anew what is wrong. Who wants all files or none drops the loader at the first error.
  ///
  /// - Parameter file: its name, for messages.
  package mutating func load(_ text: String, file: String) -> LoadResult {
    var reader = RuleReader(definitions, file: file)
    reader.read(text)
    var result = reader.result
    definitions = reader.definitions
    guard result.isSuccessful else { return result }
    var compilation = Compilation(definitions, result)
    do throws(RuleError) {
      try compilation.run()
      result = compilation.result
      self.compilation = compilation
    } catch {
      result = compilation.result
      result.add(error)
    }
    return result
  }

  /// The rules of all files that were loaded.
  ///
  /// - Parameter lowestPriority: rules that are less severe are left out.
  package func compiled(lowestPriority: AlertPriority = .debug) -> CompiledRules {
    CompiledRules(
      rules: compilation?.rules ?? [], graph: compilation?.builder.graph ?? ConditionGraph(),
      lowestPriority: lowestPriority)
  }
}

/// Makes rules from their definitions.
private struct Compilation: Sendable {
  private let definitions: RuleDefinitions
  private(set) var result: LoadResult
  private(set) var builder = GraphBuilder()
  private(set) var rules: [CompiledRules.Rule] = []

  init(_ definitions: RuleDefinitions, _ result: LoadResult) {
    (self.definitions, self.result) = (definitions, result)
  }

  mutating func run() throws(RuleError) {
    var lists = ListExpansion(definitions)
    var expressions: [String: Expression] = [:]
    for macro in definitions.macros.all {
      expressions[macro.name] = try parse(macro.condition, &lists, macro.conditionContext)
    }
    var references = MacroReferences(definitions, expressions)
    for macro in definitions.macros.all {
      if let problem = references.check(macro: macro) {
        throw RuleError(
          .validate, problem.message, macro.context.inside(condition: macro.condition, at: problem.position))
      }
    }
    var types = EventTypeAnalysis()
    var warnings = ConditionWarnings()
    for name in ordered(expressions) {
      guard let expression = expressions[name] else { continue }
      builder.add(macro: name, expression)
      types.add(macro: name, expression)
      warnings.add(macro: name, expression)
    }
    for rule in definitions.rules where !rule.isOfUnknownSource {
      try compile(rule, &lists, &references, types, warnings)
    }
    for macro in definitions.macros.all where !references.used.contains(macro.name) {
      result.warn(.unusedMacro, "Macro not referred to by any other rule/macro", macro.context)
    }
    for list in definitions.lists.all where !lists.isUsed(list.name) {
      result.warn(.unusedList, "List not referred to by any other rule/macro", list.context)
    }
  }

  /// Macros such that each comes after those that it refers to. References are known to have no loops.
  private func ordered(_ expressions: [String: Expression]) -> [String] {
    var order: [String] = []
    var seen: Set<String> = []
    for macro in definitions.macros.all {
      // Without recursion: chains of macros can be long.
      var stack = [(name: macro.name, isLeaving: false)]
      while let (name, isLeaving) = stack.popLast() {
        if isLeaving {
          order.append(name)
        } else if seen.insert(name).inserted, let expression = expressions[name] {
          stack.append((name, true))
          stack += expression.macros.map { ($0, false) }
        }
      }
    }
    return order
  }

  private func parse(
    _ condition: String, _ lists: inout ListExpansion, _ context: LoadContext
  ) throws(RuleError) -> Expression {
    let text = try lists.expand(condition, context)
    do throws(ConditionSyntaxError) {
      return try ConditionParser.parse(text)
    } catch {
      // The place is one in the text with its lists put in, so that text is shown.
      throw RuleError(.compileCondition, error.message, context.inside(condition: text, at: error.position))
    }
  }

  private mutating func compile(
    _ rule: RuleDefinitions.Rule, _ lists: inout ListExpansion, _ references: inout MacroReferences,
    _ types: EventTypeAnalysis, _ warnings: ConditionWarnings
  ) throws(RuleError) {
    let condition = try rule.conditionWithExceptions()
    guard let output = try output(of: rule) else { return }
    let expression = try parse(condition, &lists, rule.conditionContext)
    if let problem = references.check(rule: expression) {
      throw RuleError(.validate, problem.message, rule.context.inside(condition: condition, at: problem.position))
    }
    let deprecated = warnings.deprecatedFields(in: expression)
    for field in ConditionWarnings.deprecatedFields where deprecated.contains(field) {
      result.warn(
        .deprecatedItem, ConditionWarnings.explanation(of: field),
        rule.conditionContext.inside(condition: condition, at: nil), deprecatedField: field)
    }
    let outcome: GraphBuilder.Outcome
    do throws(GraphBuilder.Failure) {
      outcome = try builder.build(expression)
    } catch {
      let context = rule.conditionContext.inside(condition: condition, at: error.position)
      guard rule.skipsUnknownFilter, Self.isOfUnknownField(error.message) else {
        throw RuleError(.compileCondition, error.message, context)
      }
      result.warn(.unknownFilter, error.message, context)
      return
    }
    for doubt in outcome.doubts {
      result.warn(
        .compileCondition, doubt.message, rule.conditionContext.inside(condition: condition, at: doubt.position))
    }
    let eventTypes: EventTypeSet
    do throws(FieldError) {
      eventTypes = try types.types(of: expression)
    } catch {
      throw RuleError(
        .compileCondition, error.message, rule.conditionContext.inside(condition: condition, at: nil))
    }
    if rule.warnsOfEventTypes, EventType.codeCount(eventTypes) > 100 {
      result.warn(
        .noEventType, "Rule matches too many evt.type values. This has a significant performance penalty.",
        rule.context)
    }
    rules.append(
      CompiledRules.Rule(
        name: rule.name, description: rule.description, priority: rule.priority, tags: rule.tags.sorted(),
        isEnabled: rule.isEnabled, condition: condition, output: output, root: outcome.node, eventTypes: eventTypes))
  }

  /// - Returns: `nil` when the rule is to be left out for a field that is not known.
  private mutating func output(of rule: RuleDefinitions.Rule) throws(RuleError) -> OutputFormat? {
    var text = rule.output
    if text.contains("%container.info") {
      result.warn(
        .deprecatedItem,
        "%container.info is deprecated and no more useful, and will be dropped by Falco 1.0.0. The container plugin "
          + "will automatically add required fields to the output message.", rule.context)
      text = text.split(separator: "%container.info", omittingEmptySubsequences: false).joined()
    }
    let format: OutputFormat
    do throws(FieldError) {
      format = try OutputFormat(text)
    } catch {
      guard rule.skipsUnknownFilter, Self.isOfUnknownField(error.message) else {
        throw RuleError(.compileOutput, error.message, rule.outputContext)
      }
      result.warn(.unknownFilter, error.message, rule.outputContext)
      return nil
    }
    for field in ConditionWarnings.deprecatedFields where text.contains(field) {
      result.warn(
        .deprecatedItem, "usage of deprecated field '\(field)' has been detected in the rule output",
        rule.outputContext, deprecatedField: field)
    }
    return format
  }

  private static func isOfUnknownField(_ message: String) -> Bool {
    ["nonexistent field", "invalid formatting token", "unknown event type", "unknown filter:"].contains {
      message.contains($0)
    }
  }
}

extension Expression {
  /// The macros that it refers to.
  fileprivate var macros: [String] {
    switch self {
    case .and(let children, _), .or(let children, _): children.flatMap(\.macros)
    case .not(let child, _): child.macros
    case .macro(let name, _): [name]
    case .exists, .comparison: []
    }
  }
}
