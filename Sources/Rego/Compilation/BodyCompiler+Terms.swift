extension BodyCompiler {
  /// A term with its names resolved. References that may have several values become steps of their own before it.
  mutating func term(_ term: Term, _ scope: Scope, _ steps: inout [DraftStep]) throws(RegoError) -> DraftTerm {
    switch term.content {
    case .constant(let value): return .constant(value)
    case .variable(let name): return try variable(name, scope, term.location)
    case .array(let terms): return .array(try self.terms(terms, scope, &steps))
    case .set(let terms): return .set(try self.terms(terms, scope, &steps))
    case .object(let entries):
      var drafts: [(key: DraftTerm, value: DraftTerm)] = []
      for entry in entries {
        drafts.append((try self.term(entry.key, scope, &steps), try self.term(entry.value, scope, &steps)))
      }
      return .object(drafts)
    case .call(let name, let arguments): return try call(name, arguments, scope, &steps, term.location)
    case .reference:
      if let (head, path) = try openReference(term, scope, &steps) {
        let slot = makeSlot()
        steps.append(DraftStep(content: .iterate(head, path, .slot(slot)), location: term.location))
        return .slot(slot)
      }
      let (head, path) = try reference(term, scope, &steps)
      return path.isEmpty ? head : .lookup(head, path)
    case .arrayComprehension(let head, let body):
      return .comprehension(
        try closure(body, heads: [head], in: scope, location: term.location) {
          compiler, scope, steps throws(RegoError) in
          .array(try compiler.term(head, scope, &steps))
        })
    case .setComprehension(let head, let body):
      return .comprehension(
        try closure(body, heads: [head], in: scope, location: term.location) {
          compiler, scope, steps throws(RegoError) in
          .set(try compiler.term(head, scope, &steps))
        })
    case .objectComprehension(let key, let value, let body):
      return .comprehension(
        try closure(body, heads: [key, value], in: scope, location: term.location) {
          compiler, scope, steps throws(RegoError) in
          .object(try compiler.term(key, scope, &steps), try compiler.term(value, scope, &steps))
        })
    }
  }

  mutating func terms(
    _ terms: [Term], _ scope: Scope, _ steps: inout [DraftStep]
  ) throws(RegoError) -> [DraftTerm] {
    var drafts: [DraftTerm] = []
    for term in terms { drafts.append(try self.term(term, scope, &steps)) }
    return drafts
  }

  /// A body with a scope of its own.
  mutating func closure(
    _ body: [Statement], heads: [Term], in scope: Scope, location: Location,
    head: (inout BodyCompiler, Scope, inout [DraftStep]) throws(RegoError) -> DraftTerm.Closure.Head
  ) throws(RegoError) -> DraftTerm.Closure {
    let first = names.count
    let wasClosed = isClosed
    isClosed = false
    defer { isClosed = wasClosed }
    var (steps, inner) = try draft(body, heads: heads, in: scope)
    let made = try head(&self, inner, &steps)
    return DraftTerm.Closure(head: made, steps: steps, own: Set(first..<names.count), location: location)
  }

  private mutating func variable(
    _ name: String, _ scope: Scope, _ location: Location
  ) throws(RegoError) -> DraftTerm {
    if let slot = scope.slot(of: name) { return .slot(slot) }
    if name == "input" { return .input }
    if let path = imports[name] { return try document(path, location) }
    if let rule = compiler.place(of: name, in: package) { return try ask(rule, location) }
    if name == "data" { throw RegoError("all of data cannot be asked for", location) }
    throw RegoError("var \(name.hasPrefix("$") ? "_" : name) is unsafe", location)
  }

  private mutating func ask(_ rule: Int, _ location: Location) throws(RegoError) -> DraftTerm {
    let (_, arity, name) = compiler.rule(rule)
    guard arity == nil else { throw RegoError("function \(name) has to be called", location) }
    used.insert(rule)
    return .rule(rule)
  }

  /// What a path from `data` or `input` on leads to.
  private mutating func document(_ path: [String], _ location: Location) throws(RegoError) -> DraftTerm {
    let rest = Array(path.dropFirst())
    if path[0] == "input" { return rest.isEmpty ? .input : .lookup(.input, Self.constants(rest)) }
    switch compiler.document(at: rest) {
    case .rule(let rule, let length):
      let head = try ask(rule, location)
      return length == rest.count ? head : .lookup(head, Self.constants(Array(rest.dropFirst(length))))
    case .base(let base):
      let head = DraftTerm.base(base)
      return base.count == rest.count ? head : .lookup(head, Self.constants(Array(rest.dropFirst(base.count))))
    case nil:
      throw RegoError("data.\(rest.joined(separator: ".")) is not known, or not a rule", location)
    }
  }

  private static func constants(_ names: [String]) -> [DraftTerm] { names.map { .constant(.string($0)) } }

  // MARK: References

  /// A reference whose path has variables: it may have several values.
  mutating func openReference(
    _ term: Term, _ scope: Scope, _ steps: inout [DraftStep]
  ) throws(RegoError) -> (DraftTerm, [DraftTerm])? {
    guard !isClosed, case .reference(_, let path) = term.content, path.contains(where: { isOpen($0, scope) }) else {
      return nil
    }
    return try reference(term, scope, &steps)
  }

  /// Whether a part of a path has variables that may become known by it.
  private func isOpen(_ term: Term, _ scope: Scope) -> Bool {
    switch term.content {
    case .variable(let name): scope.slot(of: name) != nil
    case .array(let terms), .set(let terms): terms.contains { isOpen($0, scope) }
    case .object(let entries): entries.contains { isOpen($0.value, scope) }
    default: false
    }
  }

  mutating func reference(
    _ term: Term, _ scope: Scope, _ steps: inout [DraftStep]
  ) throws(RegoError) -> (DraftTerm, [DraftTerm]) {
    guard case .reference(let head, let path) = term.content else { return (try self.term(term, scope, &steps), []) }
    let (draft, rest) = try self.head(head, path, scope, &steps)
    return (draft, try terms(rest, scope, &steps))
  }

  /// What a reference begins with, and what of its path is left.
  private mutating func head(
    _ head: Term, _ path: [Term], _ scope: Scope, _ steps: inout [DraftStep]
  ) throws(RegoError) -> (DraftTerm, [Term]) {
    guard case .variable(let name) = head.content, scope.slot(of: name) == nil else {
      return (try term(head, scope, &steps), path)
    }
    guard let start = name == "data" ? ["data"] : imports[name], start[0] == "data" else {
      return (try variable(name, scope, head.location), path)
    }
    var names = start
    for part in path {
      guard case .constant(.string(let text)) = part.content else { break }
      names.append(text)
    }
    let rest = Array(names.dropFirst())
    let taken: Int
    let draft: DraftTerm
    switch compiler.document(at: rest) {
    case .rule(let rule, let length): (draft, taken) = (try ask(rule, head.location), length)
    case .base(let base): (draft, taken) = (.base(base), base.count)
    case nil: throw RegoError("data.\(rest.joined(separator: ".")) is not known, or not a rule", head.location)
    }
    // The import itself may lead below the document.
    let own = start.count - 1
    if taken < own {
      return (.lookup(draft, Self.constants(Array(rest[taken..<own]))), path)
    }
    return (draft, Array(path.dropFirst(taken - own)))
  }

  // MARK: Calls

  /// A function of a module, or one that is built in.
  private enum Callee {
    case rule(Int, arity: Int)
    case builtin(Builtin)
  }

  func arity(of name: String, _ scope: Scope, _ location: Location) throws(RegoError) -> Int? {
    switch try callee(name, scope, location) {
    case .rule(_, let arity): arity
    case .builtin(let builtin): builtin.arity
    case nil: nil
    }
  }

  private func callee(_ name: String, _ scope: Scope, _ location: Location) throws(RegoError) -> Callee? {
    let parts = name.split(separator: ".").map(String.init)
    guard let first = parts.first else { return nil }
    if scope.slot(of: first) != nil { throw RegoError("called function \(name) shadowed", location) }
    var path: [String]?
    if parts.count == 1, let rule = compiler.place(of: first, in: package) {
      return try function(rule, location)
    }
    if first == "data" { path = Array(parts.dropFirst()) }
    if let imported = imports[first], imported[0] == "data" {
      path = Array(imported.dropFirst()) + Array(parts.dropFirst())
    }
    if path == nil, imports[first] != nil || compiler.place(of: first, in: package) != nil {
      throw RegoError("undefined function \(name)", location)
    }
    if let path {
      guard case .rule(let rule, let length) = compiler.document(at: path), length == path.count else {
        throw RegoError("there is no function data.\(path.joined(separator: "."))", location)
      }
      return try function(rule, location)
    }
    return Builtins.named(name).map(Callee.builtin)
  }

  private func function(_ rule: Int, _ location: Location) throws(RegoError) -> Callee {
    let (_, arity, name) = compiler.rule(rule)
    guard let arity else { throw RegoError("rule \(name) is no function", location) }
    return .rule(rule, arity: arity)
  }

  private mutating func call(
    _ name: String, _ arguments: [Term], _ scope: Scope, _ steps: inout [DraftStep], _ location: Location
  ) throws(RegoError) -> DraftTerm {
    if name == "set", arguments.isEmpty { return .constant(.set(SetValue())) }
    // There is nobody to tell.
    if name == "print", compiler.place(of: name, in: package) == nil { return .constant(true) }
    if arguments.isEmpty, let rule = compiler.place(of: name, in: package), compiler.rule(rule).arity == nil {
      return try ask(rule, location)
    }
    guard let callee = try callee(name, scope, location) else {
      throw RegoError("undefined function \(name)", location)
    }
    let drafts = try terms(arguments, scope, &steps)
    switch callee {
    case .rule(let rule, let arity):
      guard arity == drafts.count else {
        throw RegoError("function \(name) has \(arity) arguments, not \(drafts.count)", location)
      }
      used.insert(rule)
      return .function(rule, drafts)
    case .builtin(let builtin):
      guard builtin.arity == drafts.count else {
        throw RegoError("function \(name) has \(builtin.arity) arguments, not \(drafts.count)", location)
      }
      return .builtin(builtin, drafts)
    }
  }
}
