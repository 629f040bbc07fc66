import AgentModel

/// Rules ready to be matched; shared by all matchers.
package final class CompiledRules: Sendable {
  package struct Rule: Hashable, Sendable {
    package let name: String
    package let description: String
    package let priority: AlertPriority
    /// In alphabetical order.
    package let tags: [String]
    package let isEnabled: Bool
    package let condition: String
    let output: OutputFormat
    let root: Int
    package let eventTypes: EventTypeSet
  }

  /// All rules, also those that are not enabled, in the order of their definition.
  package let rules: [Rule]
  /// The fields that conditions and outputs ask for, in the order of the indices that a `FieldSource` is asked with.
  package let fields: [FieldReference]

  let terms: ContiguousArray<CompiledTerm>
  let formats: ContiguousArray<ValueFormat>
  let checks: ContiguousArray<CompiledCheck>
  /// For each slot the field that it is, or -1.
  let slotFields: FlatBuffer<Int32>
  let hotChecks: FlatBuffer<HotCheck>
  /// The operands of hot checks.
  let operands: FlatBuffer<UInt8>
  let sets: FlatBuffer<ByteStringSet>
  let paths: FlatBuffer<PathPrefixes>
  let affixes: FlatBuffer<ByteAffixes>
  let numbers: FlatBuffer<UInt64>
  let addresses: FlatBuffer<IPAddress>
  let nodes: FlatBuffer<GraphNode>
  let children: FlatBuffer<Int32>
  let steps: FlatBuffer<RuleProgram.Step>
  /// Where the steps of an event's type are, by the type's index.
  let programs: FlatBuffer<Range<Int>>

  init(
    rules: [Rule], graph: ConditionGraph, lowestPriority: AlertPriority
  ) {
    var slots = SlotTable()
    var specializer = TypeSpecializer(graph)
    // A rule that matches no type of event is never asked.
    let candidates = rules.enumerated().filter { _, rule in
      rule.isEnabled && rule.priority <= lowestPriority && rule.eventTypes != .none
    }
    var steps: [RuleProgram.Step] = []
    var ranges: [[Bool]: Range<Int>] = [:]
    programs = FlatBuffer(
      EventType.all.map { type in
        let answers = specializer.answers(for: type)
        if let range = ranges[answers] { return range }
        let roots = specializer.roots(candidates.map(\.element.root), answers: answers)
        let program = RuleProgram(zip(candidates, roots).map { (rule: $0.offset, root: $1) }, specializer.graph)
        let range = steps.count..<(steps.count + program.steps.count)
        steps += program.steps
        ranges[answers] = range
        return range
      })
    self.steps = FlatBuffer(steps)
    for rule in rules { for term in rule.output.terms { _ = slots.slot(of: term) } }
    checks = ContiguousArray(specializer.graph.checks.map { CompiledCheck($0) { slots.slot(of: $0) } })
    let hot = HotCheck.flatten(checks)
    (hotChecks, operands, sets) = (FlatBuffer(hot.checks), FlatBuffer(hot.bytes), FlatBuffer(hot.sets))
    (paths, affixes) = (FlatBuffer(hot.paths), FlatBuffer(hot.affixes))
    (numbers, addresses) = (FlatBuffer(hot.numbers), FlatBuffer(hot.addresses))
    let flat = GraphNode.flatten(specializer.graph)
    (nodes, children) = (FlatBuffer(flat.nodes), FlatBuffer(flat.children))
    self.rules = rules.map { rule in
      Rule(
        name: rule.name, description: rule.description, priority: rule.priority, tags: rule.tags,
        isEnabled: rule.isEnabled, condition: rule.condition, output: rule.output.placed { slots.slot(of: $0) },
        root: rule.root, eventTypes: rule.eventTypes)
    }
    (terms, formats, fields) = (slots.terms, slots.formats, slots.fields)
    slotFields = FlatBuffer(
      slots.terms.map { term in
        if case .field(let field) = term { return Int32(field) }
        return -1
      })
  }

  /// The names of the rules whose condition or output asks for a field.
  package func rulesUsing(field: Int) -> [String] {
    let slots = Set(terms.indices.filter { terms[$0].uses(field: field, in: terms) })
    let users = checks.indices.filter { index in
      let check = checks[index]
      if slots.contains(check.slot) { return true }
      if case .term(_, let other) = check.test { return slots.contains(other) }
      return false
    }
    let marked = Set(users)
    return rules.filter { rule in
      rule.output.slots.contains(where: slots.contains) || reaches(rule.root, marked)
    }.map(\.name)
  }

  private func reaches(_ root: Int, _ checks: Set<Int>) -> Bool {
    var stack = [root]
    var seen: Set<Int> = []
    while let node = stack.popLast() {
      guard seen.insert(node).inserted else { continue }
      let entry = nodes[node]
      switch entry.kind {
      case .false, .true: break
      case .check: if checks.contains(Int(entry.first)) { return true }
      case .not: stack.append(Int(entry.first))
      case .and, .or: for index in 0..<Int(entry.count) { stack.append(Int(children[Int(entry.first) + index])) }
      }
    }
    return false
  }

  /// For each node whether it has to do with nothing but steady fields.
  func steadyNodes(_ isSteady: (FieldReference) -> Bool) -> [Bool] {
    let steadyFields = fields.map(isSteady)
    var steadySlots: [Bool] = []
    // What a term is made of comes before it.
    for term in terms {
      if case .field(let field) = term {
        steadySlots.append(steadyFields[field])
      } else {
        steadySlots.append(term.parts.allSatisfy { steadySlots[$0] })
      }
    }
    var answers: [Bool] = []
    // Children come before what they are part of.
    for index in 0..<nodes.count {
      let node = nodes[index]
      switch node.kind {
      case .false, .true: answers.append(true)
      case .check:
        let check = checks[Int(node.first)]
        var isSteady = steadySlots[check.slot]
        if case .term(_, let other) = check.test { isSteady = isSteady && steadySlots[other] }
        answers.append(isSteady)
      case .not: answers.append(answers[Int(node.first)])
      case .and, .or:
        answers.append((0..<Int(node.count)).allSatisfy { answers[Int(children[Int(node.first) + $0])] })
      }
    }
    return answers
  }

  /// Whether any enabled rule can match an event of the type.
  package func concerns(_ type: EventType) -> Bool { !programs[type.index].isEmpty }
}

/// Gives distinct terms their slots.
private struct SlotTable {
  private(set) var terms = ContiguousArray<CompiledTerm>()
  private(set) var formats = ContiguousArray<ValueFormat>()
  private(set) var fields: [FieldReference] = []
  private var places: [TypedTerm: Int] = [:]
  private var fieldPlaces: [FieldReference: Int] = [:]

  mutating func slot(of term: TypedTerm) -> Int {
    if let place = places[term] { return place }
    let compiled: CompiledTerm
    if let (inner, last) = term.withoutLastTransformer {
      compiled = .transformed(slot(of: inner), last, isList: inner.isList)
    } else {
      switch term.source {
      case .field(let field): compiled = .field(place(of: field))
      case .literal(let constant): compiled = .literal(constant.bytes)
      case .list(let items):
        let slots = items.map { slot(of: $0) }
        compiled = .list(slots, slots.map { formats[$0] })
      case .join(let separator, let list): compiled = .join(separator: slot(of: separator), list: slot(of: list))
      case .concat(let parts): compiled = .concat(parts.map { slot(of: $0) })
      case .getopt(let arguments, let options, let selector):
        compiled = .getopt(arguments: slot(of: arguments), options: slot(of: options), selector: selector)
      }
    }
    places[term] = terms.count
    terms.append(compiled)
    formats.append(
      ValueFormat(type: term.type, numberFormat: term.definition.numberFormat, isList: term.isList))
    return terms.count - 1
  }

  private mutating func place(of field: FieldReference) -> Int {
    if let place = fieldPlaces[field] { return place }
    fieldPlaces[field] = fields.count
    fields.append(field)
    return fields.count - 1
  }
}
