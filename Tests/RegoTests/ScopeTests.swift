import Testing

@testable import Rego

/// Which variable a name means, and what is refused because it would mean two. The results are those of OPA 1.20.2.
@Suite("Names in Rego")
struct ScopeTests {
  private static func evaluate(_ rules: String, import line: String = "") throws -> String? {
    let program = try Program([
      Program.Source(file: "t.rego", text: "package t\n\(line)\n\(rules)", isVersion1: true)
    ])
    let input = try Value(json: #"{"a": {"b": "c", "c": "d"}, "l": [1, 2, 3]}"#)
    return try program.evaluate("r", input: input, limits: EvaluationLimits())?.json
  }

  @Test(
    "mean what is nearest",
    arguments: [
      ("r := y if { y := [x | x := 1]; x := 2; x == 2 }", "[1]"), ("r := y if { x := 1; y := [x | x := 2] }", "[2]"),
      ("r := z if { z := [y | y := [x | x := 1]]; x := 2 }", "[[1]]"), ("r contains input.a[_]", #"["c","d"]"#),
      ("r contains input.l[i]", "[1,2,3]"), ("r[i] := input.l[i]", #"{"0":1,"1":2,"2":3}"#),
      ("r := input.l[_][_]", nil), ("r := x if { some i; x := [i | input.l[i]]; i = 1 }", "[1]"),
      ("default f(_) := 5\nf(x) := 1 if x == 1\nr := [f(1), f(2)]", "[1,5]"),
      ("default f(x, y) := 0\nf(x, y) := 1 if x == y\nr := [f(1, 1), f(2, 1)]", "[1,0]"),
      ("default f(x, y) := 0\nf(x, y) := 1 if x == y\nr := f(input.nope, 1)", nil),
      (#"get := 1"# + "\n" + #"r := object.get({"a": 1}, "a", 2)"#, "1"),
      ("r := x if { every x in [2] { x == 2 }; x := 1 }", "1"),
      ("p := {1}\np := {1.0}\nr := [x | some x in p]", "[1]"),
      ("count(x) := 7\nr := count([1])", "7"), ("r := io if { io := json.marshal(2) }", #""2""#),
      (#"r := {1: "a", 1.0: "b"}"#, #"{"1":"b"}"#), ("r := [{1, 1.0}, {1.0, 1}]", "[[1],[1.0]]"),
    ] as [(String, String?)])
  func nearest(rules: String, result: String?) throws { #expect(try Self.evaluate(rules) == result, "\(rules)") }

  @Test(
    "that would mean two things are refused",
    arguments: [
      ("default r := input.x", "3:14: the value of a default has to be a constant"),
      ("default f(x, x) := 1\nr := f(1, 2)", "3:9: an argument of a default stands twice"),
      ("r if { x := input[x] }", "3:8: var x referenced above"),
      ("r := [x | x := input[x]]", "3:11: var x referenced above"),
      ("r := y if { [x, y] := [1, x] }", "3:13: var x referenced above"),
      ("r := z if { z := {y | y := x}; x := 2 }", "3:32: var x referenced above"),
      ("r := y if { y := [x | x = 1]; x := 2 }", "3:31: var x referenced above"),
      ("f(x) := 3 if { x := 1 }\nr := f(1)", "3:16: var x assigned above"),
      ("default f(x) := x\nf(x) := 1 if x == 1\nr := f(2)", "3:17: the value of a default has to be a constant"),
      (#"object := 1"# + "\n" + #"r := object.get({"a": 1}, "a", 2)"#, "4:6: undefined function object.get"),
      ("r := y if { count := 3; y := count([1]) }", "3:30: called function count shadowed"),
      ("f(json) := json.marshal(2)\nr := f(1)", "3:12: called function json.marshal shadowed"),
      ("r := y if { input := 3; y := input }", "3:13: variables must not shadow input"),
      ("f(x) contains y if { y := x }\nr := 1", "3:6: a function cannot be a set or an object"),
      ("f(x)[y] := 1 if { y := x }\nr := 1", "3:5: a function cannot be a set or an object"),
    ])
  func refused(rules: String, message: String) throws {
    let error = try #require(throws: RegoError.self) { _ = try Self.evaluate(rules) }
    #expect("\(error)" == "t.rego:" + message)
  }

  @Test(
    "Numbers with exponents that nothing can hold are none",
    arguments: ["0.01e-9223372036854775808", "1e99999999999999999999", "-0.5E-6001", "0e2147483648", "1e5000"])
  func exponents(text: String) {
    #expect(Number(text) == nil)
    #expect(throws: (any Error).self) { _ = try Value(json: text) }
  }

  @Test("of functions that an import hides are refused") func hidden() throws {
    let error = try #require(throws: RegoError.self) {
      _ = try Self.evaluate("r := json.marshal(1)", import: "import input.json")
    }
    #expect("\(error)" == "t.rego:3:6: undefined function json.marshal")
  }

  @Test(
    "Numbers are compared as they are written",
    arguments: [
      ("1", "1.00000000000000000001", -1), ("1", "1.0", 0), ("9007199254740993", "9007199254740993.0", 0),
      ("100000000000000000000", "1e20", 0), ("0.1", "0.10000000000000000000001", -1),
      ("18446744073709551617", "18446744073709551616.5", 1), ("0", "-0.0", 0), ("0", "1e-400", -1),
      ("340282366920938463463374607431768211456.0", "340282366920938463463374607431768211457", -1),
      ("1e30", "1000000000000000000000000000001", -1), ("-1.5", "-1.25", -1), ("-2", "1e-3", -1), ("25e-1", "2.5", 0),
    ])
  func numbers(left: String, right: String, order: Int) throws {
    let (left, right) = (try #require(Number(left)), try #require(Number(right)))
    #expect(Number.order(left, right).signum() == order && Number.order(right, left).signum() == -order)
  }
}
