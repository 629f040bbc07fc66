import Testing

@testable import Detection

@Suite("An operator and the type of a field")
struct OperatorTypeTests {
  @Test(
    "go together or not",
    arguments: [
      (.int64, ["=", "!=", "<", "<=", ">", ">=", "in", "intersects"]),
      (.uint32, ["=", "!=", "<", "<=", ">", ">=", "in", "intersects"]),
      (.port, ["=", "!=", "<", "<=", ">", ">=", "in", "intersects"]),
      (.double, ["=", "!=", "<", "<=", ">", ">=", "in", "intersects"]),
      (.absoluteTime, ["=", "!=", "<", "<=", ">", ">=", "in", "intersects"]),
      (.bool, ["=", "!=", "in", "intersects"]), (.address, ["=", "!=", "in", "intersects"]),
      (.network, ["=", "!=", "in", "intersects"]),
      (
        .string,
        [
          "=", "!=", "<", "<=", ">", ">=", "in", "intersects", "contains", "icontains", "startswith", "endswith",
          "glob", "iglob", "pmatch", "regex",
        ]
      ),
      (.bytes, ["=", "!=", "in", "intersects", "contains", "startswith", "endswith", "bcontains", "bstartswith"]),
      (.socketAddress, []), (.descriptorList, []), (.user, []), (.dynamic, []), (.none, []),
    ] as [(ValueType, Set<String>)])
  func single(type: ValueType, operators: Set<String>) {
    for known in Comparison.Operator.allCases {
      let isTaken = type.objection(to: Comparison(known), isList: false) == nil
      #expect(isTaken == (known == .exists || operators.contains(known.rawValue)), "\(known)")
    }
  }

  @Test("go together for paths as for other text", arguments: Comparison.Operator.allCases)
  func paths(known: Comparison.Operator) {
    let objection = ValueType.string.objection(to: Comparison(known), isList: false)
    #expect(ValueType.path.objection(to: Comparison(known), isList: false) == objection)
    #expect(ValueType.relativePath.objection(to: Comparison(known), isList: false) == objection)
  }

  @Test("go together for lists only with in and intersects, of few types") func lists() {
    for known in Comparison.Operator.allCases where known != .exists {
      let objection = ValueType.string.objection(to: Comparison(known), isList: true)
      let isTaken = known == .in || known == .intersects
      #expect(objection == (isTaken ? nil : "'\(known.rawValue)' operator not supported list filters"))
      #expect(
        ValueType.int64.objection(to: Comparison(known), isList: true)
          == "list filters are not supported for type 'INT64'")
    }
    #expect(ValueType.int64.objection(to: Comparison(.exists), isList: true) == nil)
  }

  @Test(
    "that do not go together are told in Falco's words",
    arguments: [
      ("proc.pid contains 1", "filter error: 'contains' operator not supported for numeric filters"),
      ("proc.pid contains oneof (1)", "filter error: 'contains' operator not supported for numeric filters"),
      ("evt.is_io < 1", "filter error: '<' operator not supported for numeric filters"),
      ("proc.name bstartswith 61", "filter error: 'bstartswith' operator not supported for string filters"),
      ("evt.buffer glob a", "filter error: 'glob' operator not supported for buffer filters"),
      ("evt.buffer pmatch (a)", "filter error: 'pmatch' operator not supported for buffer filters"),
      ("fd.cip > 1", "filter error: '>' operator not supported for ip address and network filters"),
      (
        "fd.cip startswith oneof (1)",
        "filter error: 'startswith' with modifier not supported for ip address and network filters"
      ),
      ("fd.types = a", "filter error: '=' operator not supported list filters"),
      ("fd.types = anyof (a)", "filter error: '=' operator not supported list filters"),
      ("fd.types pmatch (a)", "filter error: 'pmatch' operator not supported list filters"),
      ("evt.rawarg.addr = 1", "filter error: '=' operator not supported for type 'SOCKADDR'"),
      ("evt.rawarg.fds in (1)", "filter error: 'in' operator not supported for type 'FDLIST'"),
      ("proc.pid = oneof (1, 2)", nil), ("evt.is_io = anyof (true)", nil), ("fd.cip != allof (1.2.3.4)", nil),
      ("fd.cnet = oneof (1.2.3.0/24)", nil), ("evt.buffer startswith anyof (a, b)", nil), ("fd.types in (a)", nil),
      ("evt.rawarg.addr exists", nil),
    ] as [(String, String?)])
  func messages(condition: String, message: String?) { #expect(LoadedRules.objection(to: condition) == message) }
}
