/// A check as the matcher runs it.
struct CompiledCheck: Sendable {
  enum Test: Sendable {
    case exists
    case number(Comparison.Operator, Literal)
    case numbers([Literal])
    /// One of the operators on strings and bytes.
    case bytes(Comparison.Operator, [UInt8])
    case set(ByteStringSet)
    case paths(PathPrefixes)
    case affixes(ByteAffixes)
    case regex(Regex)
    case address(Comparison.Operator, [IPAddress])
    case network(Comparison.Operator, [IPNetwork])
    /// How many of the tests have to agree.
    case several(Comparison.Modifier, [Test])
    /// Another slot.
    case term(Comparison.Operator, Int)
    case never
  }

  let slot: Int
  let type: ValueType
  /// Whether the slot is a list by its type: `in` then asks for all its elements, otherwise one is enough.
  let isList: Bool
  /// Whether `in` asks for all elements of a list.
  let requiresAll: Bool
  let test: Test
}

extension CompiledCheck {
  /// - Parameter slot: gives terms their places.
  init(_ check: TypedCheck, slot: (TypedTerm) -> Int) {
    self.slot = slot(check.left)
    type = check.left.type
    isList = check.left.isList
    requiresAll = check.comparison.operator == .in
    switch check.right {
    case .none: test = check.comparison.operator == .exists ? .exists : .never
    case .term(let term): test = .term(check.comparison.operator, slot(term))
    case .literals(let literals): test = Self.test(check.comparison, literals)
    }
  }

  private static func test(_ comparison: Comparison, _ literals: [Literal]) -> Test {
    guard let first = literals.first else { return .never }
    if let modifier = comparison.modifier {
      let known = comparison.operator
      if modifier == .anyof {
        if known == .equal { return test(Comparison(.in), literals) }
        if let place = known.affix, case .bytes = first {
          return .affixes(ByteAffixes(literals.compactMap(\.bytes), at: place))
        }
      }
      return .several(modifier, literals.map { test(Comparison(known), [$0]) })
    }
    switch first {
    case .signed, .unsigned, .double, .bool:
      return comparison.operator.takesList ? .numbers(literals) : .number(comparison.operator, first)
    case .address: return .address(comparison.operator, literals.compactMap(\.address))
    case .network: return .network(comparison.operator, literals.compactMap(\.network))
    case .bytes(let bytes):
      switch comparison.operator {
      case .in, .intersects: return .set(ByteStringSet(literals.compactMap(\.bytes)))
      case .pmatch: return .paths(PathPrefixes(literals.compactMap(\.bytes)))
      case .regex: return (try? Regex(bytes)).map(Test.regex) ?? .never
      case .icontains: return .bytes(.icontains, bytes.map(lowercased))
      default: return .bytes(comparison.operator, bytes)
      }
    }
  }
}

extension Comparison.Operator {
  /// Where it looks for bytes.
  fileprivate var affix: ByteAffixes.Place? {
    switch self {
    case .startswith, .bstartswith: .start
    case .endswith: .end
    case .contains, .bcontains: .anywhere
    default: nil
    }
  }
}

extension Literal {
  fileprivate var bytes: [UInt8]? {
    if case .bytes(let bytes) = self { return bytes }
    return nil
  }

  fileprivate var address: IPAddress? {
    if case .address(let address) = self { return address }
    return nil
  }

  fileprivate var network: IPNetwork? {
    if case .network(let network) = self { return network }
    return nil
  }
}
