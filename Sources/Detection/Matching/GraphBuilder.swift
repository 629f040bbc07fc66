/// Turns expressions into nodes of a graph, macros once each.
struct GraphBuilder {
  /// A check that cannot be made, and where it stands.
  struct Failure: Error {
    var message: String
    var position: TextPosition
  }

  /// A doubt about a constant of a check.
  struct Doubt: Hashable, Sendable {
    var message: String
    var position: TextPosition
  }

  /// What came of an expression.
  struct Outcome: Sendable {
    var node: Int
    /// In the order of the text.
    var doubts: [Doubt]
  }

  var graph = ConditionGraph()
  private var macros: [String: Result<Outcome, Failure>] = [:]

  /// Builds a macro; what is wrong with it is told where it is used.
  mutating func add(macro name: String, _ expression: Expression) {
    do throws(Failure) {
      macros[name] = .success(try build(expression))
    } catch {
      macros[name] = .failure(error)
    }
  }

  mutating func build(_ expression: Expression) throws(Failure) -> Outcome {
    var doubts: [Doubt] = []
    let node = try node(expression, &doubts)
    guard graph.depth(of: node) <= ConditionGraph.deepest else {
      throw Failure(
        message: "the condition is nested more than \(ConditionGraph.deepest) deep once its macros are put in",
        position: expression.position)
    }
    return Outcome(node: node, doubts: doubts)
  }

  private mutating func node(_ expression: Expression, _ doubts: inout [Doubt]) throws(Failure) -> Int {
    switch expression {
    case .and(let children, _):
      var parts: [Int] = []
      for child in children { parts.append(try node(child, &doubts)) }
      return graph.and(parts)
    case .or(let children, _):
      var parts: [Int] = []
      for child in children { parts.append(try node(child, &doubts)) }
      return graph.or(parts)
    case .not(let child, _):
      return graph.not(try node(child, &doubts))
    case .macro(let name, let position):
      guard let macro = macros[name] else {
        throw Failure(message: "filter error: unexpected identifier '\(name)'", position: position)
      }
      let outcome = try macro.get()
      // Past the bound nobody reads them.
      if doubts.count < LoadResult.mostWarnings { doubts += outcome.doubts }
      return outcome.node
    case .exists(let term, let position):
      do throws(FieldError) {
        return graph.exists(try TypedTerm(term))
      } catch {
        throw Failure(message: error.message, position: position)
      }
    case .comparison(let left, let comparison, let right, let position):
      do throws(FieldError) {
        let check = try TypedCheck(left, comparison, right)
        doubts += Self.doubts(comparison, right)
        return graph.comparison(check)
      } catch {
        throw Failure(message: error.message, position: position)
      }
    }
  }

  private static func doubts(_ comparison: Comparison, _ right: RightHandSide) -> [Doubt] {
    let values: [ByteText]
    switch right {
    case .value(let value, _): values = [value]
    case .values(let all, _): values = all
    case .term: return []
    }
    return values.flatMap { value in
      ConditionWarnings.doubts(about: value.text, comparison).map { Doubt(message: $0, position: right.position) }
    }
  }
}

extension ConditionGraph {
  /// The two ends of a connection, for fields that mean either.
  private static let ends: [String: (client: String, server: String)] = [
    "fd.ip": ("fd.cip", "fd.sip"), "fd.port": ("fd.cport", "fd.sport"), "fd.proto": ("fd.cport", "fd.sport"),
    "fd.net": ("fd.cnet", "fd.snet"),
  ]

  fileprivate mutating func exists(_ term: TypedTerm) -> Int {
    guard let (client, server) = ends(of: term) else { return check(TypedCheck(exists: term)) }
    return or([check(TypedCheck(exists: client)), check(TypedCheck(exists: server))])
  }

  /// A field that means either end of a connection equals what one of them equals, and differs from what both differ
  /// from.
  fileprivate mutating func comparison(_ check: TypedCheck) -> Int {
    guard let (client, server) = ends(of: check.left) else { return self.check(check) }
    guard check.comparison.operator == .notEqual else {
      return or([client, server].map { self.check(TypedCheck($0, check.comparison, check.right)) })
    }
    let equal = Comparison(.equal, check.comparison.modifier)
    let either = or([client, server].map { self.check(TypedCheck(exists: $0)) })
    return and([either] + [client, server].map { not(self.check(TypedCheck($0, equal, check.right))) })
  }

  private func ends(of term: TypedTerm) -> (client: TypedTerm, server: TypedTerm)? {
    guard case .field(let field) = term.source, let names = Self.ends[field.definition.name] else { return nil }
    guard let client = TypedTerm(field: names.client), let server = TypedTerm(field: names.server) else { return nil }
    return (client, server)
  }
}

extension TypedTerm {
  fileprivate init?(field name: String) {
    guard let term = try? TypedTerm(.field(name: name, argument: nil, TextPosition())) else { return nil }
    self = term
  }
}
