/// One evaluation. Not thread-safe.
final class Evaluation {
  /// The variables of one body.
  final class Frame {
    var slots: [Value]

    init(_ count: Int) { slots = [Value](repeating: .null, count: count) }
  }

  enum Memo {
    case unknown
    case known(Value?)
  }

  let program: Program
  let input: Value?
  let data: Value
  let context: BuiltinContext
  private let stack: Stack
  private var memos: [Memo]

  init(_ program: Program, input: Value?, data: Value, limits: EvaluationLimits) {
    (self.program, self.input, self.data) = (program, input, data)
    context = BuiltinContext(limits, program.expressions)
    stack = Stack()
    memos = [Memo](repeating: .unknown, count: program.rules.count)
  }

  /// The same with other documents; what was found out by these does not count.
  private init(_ other: Evaluation, input: Value?, data: Value) {
    (program, self.input, self.data) = (other.program, input, data)
    (context, stack) = (other.context, other.stack)
    memos = [Memo](repeating: .unknown, count: other.program.rules.count)
  }

  // MARK: Rules

  func value(ofRule place: Int) throws -> Value? {
    if case .known(let value) = memos[place] { return value }
    let rule = program.rules[place]
    let value =
      switch rule.compiled.kind {
      case .complete: try complete(rule, [])
      case .set: try set(rule)
      case .object: try object(rule)
      }
    memos[place] = .known(value)
    return value
  }

  private func set(_ rule: EvaluatedRule) throws -> Value? {
    var members: [Value] = []
    for body in rule.compiled.bodies {
      guard let key = body.key else { continue }
      let frame = Frame(body.slots)
      try run(body.plan, frame) {
        if let value = try value(key, frame) { members.append(value) }
        return true
      }
    }
    return try setValue(members)
  }

  private func setValue(_ members: [Value]) throws -> Value {
    try context.spend(sorting: members)
    return .set(SetValue(members))
  }

  private func object(_ rule: EvaluatedRule) throws -> Value? {
    var entries: [(Value, Value)] = []
    for body in rule.compiled.bodies {
      guard let key = body.key else { continue }
      let frame = Frame(body.slots)
      try run(body.plan, frame) {
        if let key = try value(key, frame), let value = try value(body.value, frame) { entries.append((key, value)) }
        return true
      }
    }
    return try objectValue(entries, unique: rule.compiled.location)
  }

  /// - Parameter location: of what may not have two values for a key; `nil` when the last counts.
  private func objectValue(_ entries: [(Value, Value)], unique location: Location?) throws -> Value {
    try context.spend(sorting: entries.map(\.0))
    let object = ObjectValue(entries)
    if let location, object.count < entries.count {
      for (key, value) in entries {
        guard let kept = object[key] else { continue }
        try context.spend(comparing: kept, value)
        if kept != value { throw EvaluationError.conflict("object keys must be unique", location) }
      }
    }
    return try Value.object(object).bounded()
  }

  /// The value of a complete rule or of a function. All bodies have to agree.
  private func complete(_ rule: EvaluatedRule, _ arguments: [Value]) throws -> Value? {
    try stack.check()
    var result: Value?
    for body in rule.compiled.bodies {
      try context.spend(1 + body.slots / 64)
      let frame = Frame(body.slots)
      guard try zip(body.arguments, arguments).allSatisfy({ try match($0, $1, frame) }) else { continue }
      var own: Value?
      func add(_ node: Node) throws -> Bool {
        guard let found = try value(node, frame) else { return true }
        if let known = own ?? result, try !same(known, found) {
          throw EvaluationError.conflict(
            rule.compiled.arity == nil
              ? "complete rules must not produce multiple outputs"
              : "functions must not produce multiple outputs for same inputs", rule.compiled.location)
        }
        own = own ?? found
        return !rule.compiled.isConstant
      }
      try run(body.plan, frame) { try add(body.value) }
      for alternative in body.alternatives where own == nil {
        try run(alternative.plan, frame) { try add(alternative.value) }
      }
      if let own {
        result = result ?? own
        if rule.compiled.isConstant { break }
      }
    }
    if result == nil, let value = rule.compiled.defaultValue {
      return try self.value(value, Frame(rule.compiled.defaultSlots))
    }
    return result
  }

  private func same(_ left: Value, _ right: Value) throws -> Bool {
    try context.spend(comparing: left, right)
    return left == right
  }

  // MARK: Bodies

  /// - Parameter found: called for each solution; `false` ends the search.
  /// - Returns: whether it was not ended.
  @discardableResult
  func run(_ plan: Plan, _ frame: Frame, _ found: () throws -> Bool) throws -> Bool {
    try run(plan, 0, frame, found)
  }

  private func run(_ plan: Plan, _ index: Int, _ frame: Frame, _ found: () throws -> Bool) throws -> Bool {
    try stack.check()
    var index = index
    // Steps with one outcome need no frame of their own.
    while index < plan.steps.count {
      try context.spend(1)
      switch plan.steps[index] {
      case .test(let node):
        guard let value = try value(node, frame), value.isTruthy else { return true }
      case .match(let pattern, let node):
        guard let value = try value(node, frame), try match(pattern, value, frame) else { return true }
      case .not(let inner):
        guard try run(inner, frame, { false }) else { return true }
      case .every(let key, let value, let node, let inner):
        guard try holds(key, value, node, inner, frame) else { return true }
      case .iterate(let node, let path, let result):
        guard let head = try value(node, frame) else { return true }
        return try iterate(head, path[...], frame) { value in
          guard try match(result, value, frame) else { return true }
          return try run(plan, index + 1, frame, found)
        }
      case .member(let key, let value, let node):
        guard let collection = try self.value(node, frame) else { return true }
        return try each(collection) { own, member in
          if let key { guard try match(key, own, frame) else { return true } }
          guard try match(value, member, frame) else { return true }
          return try run(plan, index + 1, frame, found)
        }
      case .walk(let node, let result):
        guard let value = try value(node, frame) else { return true }
        return try walk(value, []) { path, value in
          guard try match(result, .array([.array(path), value]), frame) else { return true }
          return try run(plan, index + 1, frame, found)
        }
      case .with(let changes, let inner):
        guard let other = try changed(changes, frame) else { return true }
        return try other.run(inner, frame) { try run(plan, index + 1, frame, found) }
      }
      index += 1
    }
    return try found()
  }

  private func changed(_ changes: [(target: [String], value: Node)], _ frame: Frame) throws -> Evaluation? {
    try context.spend(1 + program.rules.count / 16)
    var (input, data) = (self.input, self.data)
    for (target, node) in changes {
      guard let value = try value(node, frame) else { return nil }
      let path = target.dropFirst().map(Value.string)
      if target[0] == "input" {
        input = replacing(path[...], in: input ?? .object(ObjectValue()), by: value)
      } else {
        data = replacing(path[...], in: data, by: value)
      }
    }
    if let input { _ = try input.bounded() }
    return Evaluation(self, input: input, data: data)
  }

  private func replacing(_ path: ArraySlice<Value>, in document: Value, by value: Value) -> Value {
    guard let first = path.first else { return value }
    var object = document.object ?? ObjectValue()
    object[first] = replacing(path.dropFirst(), in: object[first] ?? .object(ObjectValue()), by: value)
    return .object(object)
  }

  private func holds(
    _ key: Int?, _ value: Int, _ node: Node, _ body: Plan, _ frame: Frame
  ) throws -> Bool {
    guard let collection = try self.value(node, frame) else { return false }
    switch collection {
    case .array, .object, .set: break
    default: return false
    }
    return try each(collection) { own, member in
      if let key { frame.slots[key] = own }
      frame.slots[value] = member
      // One solution is enough; what goes on is the search for a member without.
      return try !run(body, frame) { false }
    }
  }

  // MARK: Collections

  /// - Returns: whether `body` never ended it.
  private func each(_ collection: Value, _ body: (Value, Value) throws -> Bool) throws -> Bool {
    switch collection {
    case .array(let items):
      for (index, item) in items.enumerated() {
        try context.spend(1)
        guard try body(.int(index), item) else { return false }
      }
    case .object(let object):
      for entry in object.entries {
        try context.spend(1)
        guard try body(entry.key, entry.value) else { return false }
      }
    case .set(let set):
      for member in set.members {
        try context.spend(1)
        guard try body(member, member) else { return false }
      }
    default: break
    }
    return true
  }

  private func iterate(
    _ value: Value, _ path: ArraySlice<Pattern>, _ frame: Frame, _ found: (Value) throws -> Bool
  ) throws -> Bool {
    guard let first = path.first else { return try found(value) }
    if case .equal(let node) = first {
      guard let key = try self.value(node, frame), let next = lookup(key, in: value) else { return true }
      return try iterate(next, path.dropFirst(), frame, found)
    }
    return try each(value) { key, member in
      guard try match(first, key, frame) else { return true }
      return try iterate(member, path.dropFirst(), frame, found)
    }
  }

  private func walk(_ value: Value, _ path: [Value], _ found: ([Value], Value) throws -> Bool) throws -> Bool {
    try stack.check()
    try context.spend(1 + path.count)
    guard try found(path, value) else { return false }
    return try each(value) { key, member in try walk(member, path + [key], found) }
  }

  func lookup(_ key: Value, in value: Value) -> Value? {
    switch value {
    case .object(let object): return object[key]
    case .array(let items):
      guard case .number(let number) = key, let index = number.int, items.indices.contains(index) else { return nil }
      return items[index]
    case .set(let set): return set.contains(key) ? key : nil
    default: return nil
    }
  }

  // MARK: Patterns

  func match(_ pattern: Pattern, _ value: Value, _ frame: Frame) throws -> Bool {
    switch pattern {
    case .bind(let slot):
      frame.slots[slot] = value
      return true
    case .equal(let node):
      guard let own = try self.value(node, frame) else { return false }
      return try same(own, value)
    case .array(let patterns):
      guard case .array(let items) = value, items.count == patterns.count else { return false }
      for (pattern, item) in zip(patterns, items) { guard try match(pattern, item, frame) else { return false } }
      return true
    case .object(let patterns):
      guard case .object(let object) = value, object.count == patterns.count else { return false }
      for (key, pattern) in patterns {
        guard let key = try self.value(key, frame), let member = object[key], try match(pattern, member, frame) else {
          return false
        }
      }
      return true
    }
  }

  // MARK: Terms

  /// - Returns: `nil` when it is undefined.
  func value(_ node: Node, _ frame: Frame) throws -> Value? {
    switch node {
    case .constant(let value): return value
    case .slot(let slot): return frame.slots[slot]
    case .input: return input
    case .base(let path): return path.reduce(Value?.some(data)) { $0?.object?[$1] }
    case .rule(let rule): return try value(ofRule: rule)
    case .lookup(let head, let path):
      guard var value = try value(head, frame) else { return nil }
      for part in path {
        guard let key = try self.value(part, frame), let next = lookup(key, in: value) else { return nil }
        value = next
      }
      return value
    case .array(let nodes): return try values(nodes, frame).map { try Value.array($0).bounded() }
    case .set(let nodes): return try values(nodes, frame).map(setValue)
    case .object(let nodes):
      var entries: [(Value, Value)] = []
      for (key, value) in nodes {
        guard let key = try self.value(key, frame), let value = try self.value(value, frame) else { return nil }
        entries.append((key, value))
      }
      return try objectValue(entries, unique: nil)
    case .arrayOf(let head, let plan): return try Value.array(try all(head, plan, frame)).bounded()
    case .setOf(let head, let plan): return try setValue(try all(head, plan, frame))
    case .objectOf(let key, let value, let plan, let location):
      var entries: [(Value, Value)] = []
      try run(plan, frame) {
        if let key = try self.value(key, frame), let value = try self.value(value, frame) {
          entries.append((key, value))
        }
        return true
      }
      return try objectValue(entries, unique: location)
    case .builtin(let builtin, let nodes):
      guard let arguments = try values(nodes, frame) else { return nil }
      for argument in arguments {
        // Most functions look at the whole of what they are given.
        try context.spend(1 + (argument.text.map { $0.utf8.count / 64 } ?? argument.extent.count / 16))
      }
      return try builtin.apply(arguments, context)?.bounded()
    case .function(let function, let nodes):
      guard let arguments = try values(nodes, frame) else { return nil }
      return try complete(program.rules[function], arguments)
    }
  }

  private func values(_ nodes: [Node], _ frame: Frame) throws -> [Value]? {
    var values: [Value] = []
    values.reserveCapacity(nodes.count)
    for node in nodes {
      guard let value = try value(node, frame) else { return nil }
      values.append(value)
    }
    return values
  }

  private func all(_ head: Node, _ plan: Plan, _ frame: Frame) throws -> [Value] {
    var members: [Value] = []
    try run(plan, frame) {
      if let value = try value(head, frame) { members.append(value) }
      return true
    }
    return members
  }
}
