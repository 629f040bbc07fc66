/// Makes a program of modules: names become places, statements get an order.
struct Compiler {
  private(set) var rules: [CompiledRule] = []
  /// Rules by package and name.
  private var places: [[String]: [String: Int]] = [:]
  private var uses: [Set<Int>] = []

  /// Documents below `data` that come from outside.
  let bases: [[String]]

  let work = Planner.Work()
  let inputPaths = InputPaths()

  init(bases: [[String]]) { self.bases = bases }

  /// - Throws: `RegoError` for what cannot be evaluated, or not in this order of its parts.
  mutating func compile(_ modules: [Module]) throws(RegoError) {
    for module in modules {
      for rule in module.rules { try declare(rule, in: module.package) }
    }
    for module in modules {
      let imports = try imports(of: module)
      for rule in module.rules {
        guard let place = places[module.package]?[rule.name] else { continue }
        try compile(rule, at: place, module.package, imports)
      }
    }
    try refuseRecursion()
    for index in rules.indices { rules[index].isConstant = Self.isConstant(rules[index]) }
  }

  func place(of name: String, in package: [String]) -> Int? { places[package]?[name] }

  private mutating func declare(_ rule: Rule, in package: [String]) throws(RegoError) {
    let arity = rule.arguments?.count
    guard let place = places[package]?[rule.name] else {
      places[package, default: [:]][rule.name] = rules.count
      uses.append([])
      rules.append(CompiledRule(name: rule.name, kind: rule.kind, arity: arity, location: rule.location))
      return
    }
    guard rules[place].kind == rule.kind, rules[place].arity == arity else {
      throw RegoError("conflicting rules named \(rule.name)", rule.location)
    }
  }

  private func imports(of module: Module) throws(RegoError) -> [String: [String]] {
    var imports: [String: [String]] = [:]
    for entry in module.imports {
      guard imports.updateValue(entry.path, forKey: entry.alias) == nil else {
        throw RegoError("import of \(entry.alias) stands twice", entry.location)
      }
    }
    return imports
  }

  private mutating func compile(
    _ rule: Rule, at place: Int, _ package: [String], _ imports: [String: [String]]
  ) throws(RegoError) {
    if rule.isDefault {
      guard rules[place].defaultValue == nil else { throw RegoError("a second default of \(rule.name)", rule.location) }
      let compiled = try compiled(package, imports) { body throws(RegoError) in
        (value: try body.defaultValue(of: rule), slots: body.names.count)
      }
      (rules[place].defaultValue, rules[place].defaultSlots) = (compiled.result.value, compiled.result.slots)
      uses[place].formUnion(compiled.used)
    } else {
      let compiled = try compiled(package, imports) { body throws(RegoError) in try body.compile(rule) }
      rules[place].bodies.append(compiled.result)
      uses[place].formUnion(compiled.used)
    }
  }

  /// The compiler of a body holds on to this one, and is gone before it changes: else all rules would be copied.
  private func compiled<Result>(
    _ package: [String], _ imports: [String: [String]],
    _ make: (inout BodyCompiler) throws(RegoError) -> Result
  ) throws(RegoError) -> (result: Result, used: Set<Int>) {
    var body = BodyCompiler(self, package: package, imports: imports)
    return (try make(&body), body.used)
  }

  private func refuseRecursion() throws(RegoError) {
    var state = [Int](repeating: 0, count: rules.count)
    for start in rules.indices where state[start] == 0 {
      // Without recursion: chains of rules can be long.
      var stack = [(rule: start, isLeaving: false)]
      while let (rule, isLeaving) = stack.popLast() {
        if isLeaving {
          state[rule] = 2
        } else if state[rule] == 0 {
          state[rule] = 1
          stack.append((rule, true))
          for next in uses[rule].sorted() {
            if state[next] == 1 { throw RegoError("rule \(rules[next].name) is recursive", rules[next].location) }
            if state[next] == 0 { stack.append((next, false)) }
          }
        }
      }
    }
  }

  /// Whether all solutions have the same constant for a value.
  private static func isConstant(_ rule: CompiledRule) -> Bool {
    var value: Value?
    for body in rule.bodies {
      for node in [body.value] + body.alternatives.map(\.value) {
        guard let constant = node as? Constant, value == nil || value == constant.value else { return false }
        value = constant.value
      }
    }
    return true
  }

  // MARK: Documents

  /// What a path below `data` leads to, and how many of its names that takes.
  enum Document {
    case rule(Int, length: Int)
    case base([String])
  }

  /// - Returns: `nil` for what is neither.
  func document(at path: [String]) -> Document? {
    for base in bases where path.starts(with: base) { return .base(base) }
    for length in stride(from: path.count - 1, through: 0, by: -1) {
      if let rule = places[Array(path.prefix(length))]?[path[length]] { return .rule(rule, length: length + 1) }
    }
    return nil
  }

  func rule(_ index: Int) -> (kind: Rule.Kind, arity: Int?, name: String) {
    (rules[index].kind, rules[index].arity, rules[index].name)
  }
}
