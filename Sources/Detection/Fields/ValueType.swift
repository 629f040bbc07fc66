/// The type of a field's values, by Falco's names (libs, ppm_param_type): it decides which operators and transformers
/// the field takes and how what it is compared with is read.
package enum ValueType: String, Hashable, Sendable {
  case int8 = "INT8"
  case int16 = "INT16"
  case int32 = "INT32"
  case int64 = "INT64"
  case uint8 = "UINT8"
  case uint16 = "UINT16"
  case uint32 = "UINT32"
  case uint64 = "UINT64"
  case errno = "ERRNO"
  case descriptor = "FD"
  case process = "PID"
  case systemCall = "SYSCALLID"
  case signal = "SIGTYPE"
  case relativeTime = "RELTIME"
  case absoluteTime = "ABSTIME"
  case port = "PORT"
  case protocolNumber = "L4PROTO"
  case socketFamily = "SOCKFAMILY"
  case flags8 = "FLAGS8"
  case flags16 = "FLAGS16"
  case flags32 = "FLAGS32"
  case enumFlags8 = "ENUMFLAGS8"
  case enumFlags16 = "ENUMFLAGS16"
  case enumFlags32 = "ENUMFLAGS32"
  case mode = "MODE"
  case user = "UID"
  case group = "GID"
  case double = "DOUBLE"
  case bool = "BOOL"
  case string = "CHARBUF"
  case path = "FSPATH"
  case relativePath = "FSRELPATH"
  case bytes = "BYTEBUF"
  case address = "IPADDR"
  case addressV4 = "IPV4ADDR"
  case network = "IPNET"
  case networkV4 = "IPV4NET"
  case socketAddress = "SOCKADDR"
  case socketTuple = "SOCKTUPLE"
  case descriptorList = "FDLIST"
  case signalSet = "SIGSET"
  case dynamic = "DYNAMIC"
  case strings = "CHARBUFARRAY"
  case stringPairs = "CHARBUF_PAIR_ARRAY"
  case none = "NONE"

  /// How values of the type are held and compared.
  enum Family: Hashable, Sendable {
    case signed, unsigned, bool, double, string, bytes, address, network
    /// Nothing can be compared with them.
    case other
  }

  var family: Family {
    switch self {
    case .int8, .int16, .int32, .int64, .errno, .descriptor, .process: .signed
    case .uint8, .uint16, .uint32, .uint64, .systemCall, .signal, .relativeTime, .absoluteTime, .port, .flags8,
      .flags16,
      .flags32, .enumFlags8, .enumFlags16, .enumFlags32, .mode:
      .unsigned
    case .double: .double
    case .bool: .bool
    case .string, .path, .relativePath: .string
    case .bytes: .bytes
    case .address, .addressV4: .address
    case .network, .networkV4: .network
    case .protocolNumber, .socketFamily, .user, .group, .socketAddress, .socketTuple, .descriptorList, .signalSet,
      .dynamic, .strings, .stringPairs, .none:
      .other
    }
  }

  /// Whether lists of it can be compared.
  var isComparableInLists: Bool {
    switch self {
    case .string, .uint64, .relativeTime, .absoluteTime, .bool, .address, .network: true
    default: false
    }
  }

  /// Bits of the type's numbers; what is compared with them is cut to it.
  var bits: Int {
    switch self {
    case .int8, .uint8, .signal, .flags8, .enumFlags8, .protocolNumber: 8
    case .int16, .uint16, .port, .systemCall, .flags16, .enumFlags16: 16
    case .int32, .uint32, .flags32, .enumFlags32, .mode, .user, .group: 32
    default: 64
    }
  }
}

extension ValueType {
  /// Falco's number of a type that arguments of events may have and that `evt.rawarg` compares with no constant.
  var numberWithoutRawConstants: Int? {
    switch self {
    case .bytes: 10
    case .systemCall: 18
    case .signal: 19
    default: nil
    }
  }

  /// Why an operator cannot be used; `nil` when it can.
  func objection(to comparison: Comparison, isList: Bool) -> String? {
    let name = comparison.operator.rawValue
    if comparison.operator == .exists { return nil }
    if isList {
      guard isComparableInLists else { return "list filters are not supported for type '\(rawValue)'" }
      return comparison.operator.takesList && comparison.operator != .pmatch
        ? nil : "'\(name)' operator not supported list filters"
    }
    guard !family.operators.contains(comparison.operator) else { return nil }
    switch family {
    // Falco says "numeric" of both.
    case .signed, .unsigned, .double, .bool: return "'\(name)' operator not supported for numeric filters"
    case .string: return "'\(name)' operator not supported for string filters"
    case .bytes: return "'\(name)' operator not supported for buffer filters"
    case .address, .network:
      return comparison.modifier == nil
        ? "'\(name)' operator not supported for ip address and network filters"
        : "'\(name)' with modifier not supported for ip address and network filters"
    case .other: return "'\(name)' operator not supported for type '\(rawValue)'"
    }
  }
}

extension ValueType.Family {
  fileprivate var operators: Set<Comparison.Operator> {
    let set: Set<Comparison.Operator> = [.equal, .notEqual, .in, .intersects]
    let order: Set<Comparison.Operator> = [.less, .lessOrEqual, .greater, .greaterOrEqual]
    switch self {
    case .signed, .unsigned, .double: return set.union(order)
    case .bool, .address, .network: return set
    case .string:
      return set.union(order).union([
        .contains, .icontains, .startswith, .endswith, .glob, .iglob, .pmatch, .regex,
      ])
    case .bytes: return set.union([.contains, .startswith, .endswith, .bcontains, .bstartswith])
    case .other: return []
    }
  }
}
