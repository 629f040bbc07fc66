/// A check in a form that holds no references, for the kinds that make up almost all of rules. What has no such form is
/// done by `CompiledCheck`.
struct HotCheck: Sendable {
  enum Kind: UInt8, Sendable {
    case slow, exists, equal, notEqual, prefix, suffix, contains, glob, set, paths, affixes
    case numbers, addresses, noAddresses
    case unsignedEqual, unsignedNotEqual, signedLess, signedLessOrEqual, signedGreater, signedGreaterOrEqual
  }

  let kind: Kind
  let slot: Int32
  /// Where the operand begins among those of its kind.
  let offset: Int32
  let length: Int32
  /// A number's bits.
  let number: UInt64

  /// Hot checks, and the operands that they point into.
  struct Operands {
    var checks: [HotCheck] = []
    var bytes: [UInt8] = []
    var sets: [ByteStringSet] = []
    var paths: [PathPrefixes] = []
    var affixes: [ByteAffixes] = []
    var numbers: [UInt64] = []
    var addresses: [IPAddress] = []
  }

  static func flatten(_ checks: some Sequence<CompiledCheck>) -> Operands {
    var hot = Operands()
    for check in checks {
      func make(_ kind: Kind, offset: Int = 0, length: Int = 0, number: UInt64 = 0) {
        hot.checks.append(
          HotCheck(
            kind: kind, slot: Int32(check.slot), offset: Int32(offset), length: Int32(length), number: number))
      }
      switch check.test {
      case .exists: make(.exists)
      case .set(let set) where !check.isList:
        make(.set, offset: hot.sets.count)
        hot.sets.append(set)
      case .paths(let paths) where !check.isList:
        make(.paths, offset: hot.paths.count)
        hot.paths.append(paths)
      case .affixes(let affixes) where !check.isList:
        make(.affixes, offset: hot.affixes.count)
        hot.affixes.append(affixes)
      case .numbers(let literals) where literals.allSatisfy({ $0.bits != nil }):
        make(.numbers, offset: hot.numbers.count, length: literals.count)
        hot.numbers += literals.compactMap(\.bits)
      case .address(let comparison, let addresses):
        make(comparison == .notEqual ? .noAddresses : .addresses, offset: hot.addresses.count, length: addresses.count)
        hot.addresses += addresses
      case .bytes(let comparison, let bytes) where !check.isList:
        guard let kind = kind(comparison) else {
          make(.slow)
          continue
        }
        make(kind, offset: hot.bytes.count, length: bytes.count)
        hot.bytes += bytes
      case .number(let comparison, let literal):
        guard let bits = literal.bits, let kind = kind(comparison, literal) else {
          make(.slow)
          continue
        }
        make(kind, number: bits)
      default: make(.slow)
      }
    }
    return hot
  }

  private static func kind(_ comparison: Comparison.Operator) -> Kind? {
    switch comparison {
    case .equal: .equal
    case .notEqual: .notEqual
    case .startswith, .bstartswith: .prefix
    case .endswith: .suffix
    case .contains, .bcontains: .contains
    case .glob: .glob
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
