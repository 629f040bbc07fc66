/// A check in a form that holds no references, for the kinds that make up almost all of rules. What has no such form is
/// done by `CompiledCheck`.
struct HotCheck: Sendable {
  enum Kind: UInt8, Sendable {
    case slow, exists, equal, notEqual, prefix, suffix, contains, set
    case unsignedEqual, unsignedNotEqual, signedLess, signedLessOrEqual, signedGreater, signedGreaterOrEqual
  }

  let kind: Kind
  let slot: Int32
  /// Where the operand begins in the pool of bytes, or the set's index.
  let offset: Int32
  let length: Int32
  /// A number's bits.
  let number: UInt64

  static func flatten(
    _ checks: some Sequence<CompiledCheck>
  ) -> (checks: [HotCheck], pool: [UInt8], sets: [ByteStringSet]) {
    var hot: [HotCheck] = []
    var pool: [UInt8] = []
    var sets: [ByteStringSet] = []
    for check in checks {
      func make(_ kind: Kind, offset: Int = 0, length: Int = 0, number: UInt64 = 0) {
        hot.append(
          HotCheck(
            kind: kind, slot: Int32(check.slot), offset: Int32(offset), length: Int32(length), number: number))
      }
      switch check.test {
      case .exists: make(.exists)
      case .set(let set) where !check.isList:
        make(.set, offset: sets.count)
        sets.append(set)
      case .bytes(let comparison, let bytes) where !check.isList && kind(comparison) != nil:
        make(kind(comparison) ?? .slow, offset: pool.count, length: bytes.count)
        pool += bytes
      case .number(let comparison, let literal):
        guard let bits = literal.bits, let kind = kind(comparison, literal) else {
          make(.slow)
          continue
        }
        make(kind, number: bits)
      default: make(.slow)
      }
    }
    return (hot, pool, sets)
  }

  private static func kind(_ comparison: Comparison.Operator) -> Kind? {
    switch comparison {
    case .equal: .equal
    case .notEqual: .notEqual
    case .startswith, .bstartswith: .prefix
    case .endswith: .suffix
    case .contains, .bcontains: .contains
    default: nil
    }
  }

  private static func kind(_ comparison: Comparison.Operator, _ literal: Literal) -> Kind? {
    switch (comparison, literal) {
    case (.equal, _): .unsignedEqual
    case (.notEqual, _): .unsignedNotEqual
    case (.less, .signed): .signedLess
    case (.lessOrEqual, .signed): .signedLessOrEqual
    case (.greater, .signed): .signedGreater
    case (.greaterOrEqual, .signed): .signedGreaterOrEqual
    default: nil
    }
  }
}

extension Literal {
  /// The bits of a number that is no fraction.
  fileprivate var bits: UInt64? {
    switch self {
    case .signed(let number): UInt64(bitPattern: number)
    case .unsigned(let number): number
    case .bool(let value): value ? 1 : 0
    case .double, .bytes, .address, .network: nil
    }
  }
}
