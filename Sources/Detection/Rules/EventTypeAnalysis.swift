/// For which types of events a condition can be true at all.
///
/// As Falco's analysis (libs, userspace/libsinsp/filter/ppm_codes.cpp) it looks at comparisons of `evt.type` and at
/// those of `evt.num` that are always the same; "not" is pushed down to them.
struct EventTypeAnalysis {
  private struct Answer {
    var types: EventTypeSet
    var negated: EventTypeSet
  }

  private var macros: [String: Result<Answer, FieldError>] = [:]

  /// Looks at a macro once; later conditions refer to it.
  mutating func add(macro name: String, _ expression: Expression) {
    do throws(FieldError) {
      macros[name] = .success(try answer(expression))
    } catch {
      macros[name] = .failure(error)
    }
  }

  /// - Throws: `FieldError` for what Falco's analysis refuses.
  func types(of expression: Expression) throws(FieldError) -> EventTypeSet { try answer(expression).types }

  private static let anything = Answer(types: .all, negated: .all)

  private func answer(_ expression: Expression) throws(FieldError) -> Answer {
    switch expression {
    case .and(let children, _):
      var answer = Answer(types: .all, negated: .none)
      for child in children {
        let part = try self.answer(child)
        answer.types = answer.types.intersection(part.types)
        answer.negated = answer.negated.union(part.negated)
      }
      return answer
    case .or(let children, _):
      var answer = Answer(types: .none, negated: .all)
      for child in children {
        let part = try self.answer(child)
        answer.types = answer.types.union(part.types)
        answer.negated = answer.negated.intersection(part.negated)
      }
      return answer
    case .not(let child, _):
      let part = try answer(child)
      return Answer(types: part.negated, negated: part.types)
    case .macro(let name, _):
      return try macros[name]?.get() ?? Self.anything
    case .exists(let term, _):
      try Self.refuseTransformedType(term)
      return Self.isEventType(term) ? Answer(types: .all, negated: .none) : Self.anything
    case .comparison(let left, let comparison, let right, _):
      return try answer(left, comparison, right)
    }
  }

  private func answer(
    _ left: Term, _ comparison: Comparison, _ right: RightHandSide
  ) throws(FieldError) -> Answer {
    if let constant = Self.constant(left, comparison, right) {
      return constant ? Answer(types: .all, negated: .none) : Answer(types: .none, negated: .all)
    }
    guard comparison.modifier == nil, [.equal, .notEqual, .in].contains(comparison.operator) else {
      return Self.anything
    }
    try Self.refuseTransformedType(left)
    guard Self.isEventType(left) else { return Self.anything }
    let names: [String]
    switch right {
    case .value(let name, _): names = [name.text]
    case .values(let values, _): names = values.map(\.text)
    case .term:
      throw FieldError(
        "right-hand field comparisons on `evt.type`/`syscall.type` checks are not supported by event code search")
    }
    let types = EventTypeSet(names.compactMap(EventType.init))
    return comparison.operator == .notEqual
      ? Answer(types: types.complement, negated: types) : Answer(types: types, negated: types.complement)
  }

  private static func isEventType(_ term: Term) -> Bool {
    if case .field(let name, nil, _) = term { return name == "evt.type" || name == "syscall.type" }
    return false
  }

  private static func refuseTransformedType(_ term: Term) throws(FieldError) {
    guard case .transformer(_, let arguments, _, _) = term else { return }
    for argument in arguments {
      try refuseTransformedType(argument)
      if isEventType(argument) {
        throw FieldError("event code search does not support `evt.type` checks with transformers")
      }
    }
  }

  /// What a comparison of `evt.num` always is: events are counted from 1.
  private static func constant(_ left: Term, _ comparison: Comparison, _ right: RightHandSide) -> Bool? {
    guard case .field("evt.num", nil, _) = left, comparison.modifier == nil else { return nil }
    if comparison.operator == .in {
      guard case .values(let values, _) = right else { return nil }
      return values.allSatisfy { ScannedNumber.unsigned($0.text, bits: 64) == 0 } ? false : nil
    }
    guard case .value(let constant, _) = right, let number = ScannedNumber.unsigned(constant.text, bits: 64) else {
      return nil
    }
    switch comparison.operator {
    case .equal: return number == 0 ? false : nil
    case .notEqual: return number == 0 ? true : nil
    case .less: return number <= 1 ? false : nil
    case .lessOrEqual: return number == 0 ? false : nil
    case .greater: return number == 0 ? true : nil
    case .greaterOrEqual: return number <= 1 ? true : nil
    default: return nil
    }
  }
}
