import Testing

@testable import Rego

@Suite("Policies in Rego")
struct ProgramTests {
  private static func evaluate(_ rules: String, _ input: String, steps: Int = 1_000_000) throws -> String? {
    // Imports stand before the rules.
    let lines = rules.split(separator: "\n", omittingEmptySubsequences: false)
    let imports = lines.filter { $0.hasPrefix("import ") }
    let rest = lines.filter { !$0.hasPrefix("import ") }
    let text = (["package t", "import rego.v1"] + imports + rest).joined(separator: "\n")
    let program = try Program([Program.Source(file: "t.rego", text: text)])
    return try program.evaluate("r", input: Value(json: input), limits: EvaluationLimits(steps: steps))?.json
  }

  /// What OPA 1.20.2 said; `nil` where it said nothing.
  private static let cases: [(rules: String, input: String, result: String?)] = [
    (#"r := input.a.b"#, #"{"a": {"b": [1, {"c": null}]}}"#, #"[1,{"c":null}]"#),
    (#"r := input.a.z"#, #"{"a": {}}"#, nil),
    (#"r := x if { some x in input.l; x > 2 }"#, #"{"l": [1, 2, 3]}"#, #"3"#),
    (#"r contains x if { some x in input.l; x > 1 }"#, #"{"l": [3, 1, 2, 3]}"#, #"[2,3]"#),
    (#"r[k] := v if { some k, v in input.o; v != 2 }"#, #"{"o": {"a": 1, "b": 2, "c": 3}}"#, #"{"a":1,"c":3}"#),
    (#"r contains [i, x] if x := input.l[i]"#, #"{"l": ["p", "q"]}"#, #"[[0,"p"],[1,"q"]]"#),
    (#"default r := false\#nr if input.ok"#, #"{"ok": false}"#, #"false"#),
    (#"default r := "none"\#nr := input.v if input.v > 5"#, #"{"v": 7}"#, #"7"#),
    (#"f(x) := x * 2 if x > 0\#nf(x) := 0 if x <= 0\#nr := [f(3), f(-1)]"#, #"{}"#, #"[6,0]"#),
    (#"f("a") := 1\#nf("b") := 2\#nr := [y | some x in input.l; y := f(x)]"#, #"{"l": ["b", "c", "a"]}"#, #"[2,1]"#),
    (#"f([x, y]) := x + y\#nr := f(input.p)"#, #"{"p": [2, 5]}"#, #"7"#),
    (#"r := 1 if { input.a == 1 } else := 2 if { input.a == 2 } else := 3"#, #"{"a": 2}"#, #"2"#),
    (#"r := 1 if { input.a == 1 } else := 2 if { input.a == 2 } else := 3"#, #"{"a": 9}"#, #"3"#),
    (#"r := {x: y | some x, y in input.o; y > 1}"#, #"{"o": {"a": 1, "b": 2}}"#, #"{"b":2}"#),
    (#"r := {x | some x in input.l}"#, #"{"l": [2, 1, 2, 1.0]}"#, #"[1,2]"#),
    (#"r := [x | some x in input.l; not x in input.m]"#, #"{"l": [1, 2, 3], "m": [2]}"#, #"[1,3]"#),
    (#"r if every x in input.l { x > 0 }"#, #"{"l": [1, 2]}"#, #"true"#),
    (#"r if every x in input.l { x > 1 }"#, #"{"l": [1, 2]}"#, nil),
    (#"r if every x in input.l { x > 1 }"#, #"{"l": []}"#, #"true"#),
    (#"r if every x in input.zz { x > 1 }"#, #"{"l": []}"#, nil),
    (#"r := count({x | some x in input.l} - {2}) "#, #"{"l": [1, 2, 3]}"#, #"2"#),
    (#"s := {x | some x in input.l}\#nr := [s & {1, 5}, s | {9}, s - {1}]"#, #"{"l": [1, 2]}"#, #"[[1],[1,2,9],[2]]"#),
    (
      #"r := sprintf("%v has %d of %s and %v", [input.n, 3, "x", {"b": [1, null], "a": {2, 1}}])"#, #"{"n": "bot"}"#,
      #""bot has 3 of x and {\"a\": {1, 2}, \"b\": [1, null]}""#
    ),
    (#"p contains x if some x in input.l\#nr := [y | some y in p; y > 1]"#, #"{"l": [1, 2, 3]}"#, #"[2,3]"#),
    (#"p contains x if some x in input.l\#nr if p[2]"#, #"{"l": [1, 2, 3]}"#, #"true"#),
    (#"p contains x if some x in input.l\#nr if p[4]"#, #"{"l": [1, 2, 3]}"#, nil),
    (#"r := x if { [x, 2] = input.l }"#, #"{"l": [1, 2]}"#, #"1"#),
    (#"r := x if { {"a": x, "b": 2} = input.o }"#, #"{"o": {"a": 7, "b": 2}}"#, #"7"#),
    (#"r := x if { {"a": x} = input.o }"#, #"{"o": {"a": 7, "b": 2}}"#, nil),
    (#"r := x if { y := input.a; x := [z | z := y] }"#, #"{"a": 1}"#, #"[1]"#),
    (#"r := x if { x = y; y = 3 }"#, #"{}"#, #"3"#),
    (#"r if { not input.a; not input.b.c }"#, #"{"b": {}}"#, #"true"#),
    (#"r if not input.a.b == 1"#, #"{"a": {}}"#, #"true"#),
    (#"f(x) if x == 1\#nr if not f(input.zz)"#, #"{}"#, nil),
    (#"r if { some i; input.l[i] == "q"; input.m[i] == 2 }"#, #"{"l": ["p", "q"], "m": [1, 2]}"#, #"true"#),
    (
      #"r contains x if { some i, j; x := input.l[i].c[j].n }"#,
      #"{"l": [{"c": [{"n": "a"}, {"n": "b"}]}, {"c": []}, {"c": [{"n": "c"}]}]}"#, #"["a","b","c"]"#
    ),
    (#"q := input.x\#nr := [q, v] if v := q with input as {"x": 2}"#, #"{"x": 1}"#, #"[1,2]"#),
    (#"r contains p if { walk(input, [p, v]); v == 1 }"#, #"{"a": [1, {"b": 1}], "c": 2}"#, #"[["a",0],["a",1,"b"]]"#),
    (#"r := object.get(input.o, ["a", "b"], "d")"#, #"{"o": {"a": {"b": 3}}}"#, #"3"#),
    (#"r := 9007199254740993 + input.n"#, #"{"n": 9007199254740993}"#, #"18014398509481986"#),
    (
      #"r := input.n * input.n"#, #"{"n": 123456789012345678901234567890}"#,
      #"15241578753238836750495351562536198787501905199875019052100"#
    ),
    (#"r := [1 / 4, 7 % 4, 10 / 2, 1.5 + 1.5, -3 + 1]"#, #"{}"#, #"[0.25,3,5,3,-2]"#),
    (#"r := {"x": 1, "y": input.zz}"#, #"{}"#, nil),
    (#"r := x if x := input.l[count(input.l) - 1]"#, #"{"l": [1, 2, 3]}"#, #"3"#),
    (#"r := 1 if { input.a[_] == input.b[_] }"#, #"{"a": [1, 2], "b": [3, 2]}"#, #"1"#),
    (#"r := [k | input.o[k] == 1]"#, #"{"o": {"b": 1, "a": 1, "c": 2}}"#, #"["a","b"]"#),
    (#"import data.t as me\#nr := me.q\#nq := 4"#, #"{}"#, #"4"#),
    (#"r := "é" == "e\u0301""#, #"{}"#, #"false"#),
    (#"r := concat(",", [upper(x) | some x in sort(input.l)])"#, #"{"l": ["b", "a"]}"#, #""A,B""#),
    (#"r := regex.match("^a+$", input.s)"#, #"{"s": "aaa"}"#, #"true"#),
    (
      #"r := [startswith("abc", "ab"), contains("abc", "z"), trim_suffix("a.b", ".b"), split("a/b", "/")]"#, #"{}"#,
      #"[true,false,"a",["a","b"]]"#
    ),
    (#"r := to_number(input.s)"#, #"{"s": "12.5"}"#, #"12.5"#),
    (#"r := {a: b | [a, b] := input.l[_]}"#, #"{"l": [["x", 1], ["y", 2]]}"#, #"{"x":1,"y":2}"#),
    (#"r := n if { n := sum([x | some x in input.l; x != 2]) }"#, #"{"l": [1, 2, 3]}"#, #"4"#),
    (#"r := `a\b`"#, #"{}"#, #""a\\b""#),
    (#"a := b\#nb := c\#nc := input.v\#nr := [a, b]"#, #"{"v": 3}"#, #"[3,3]"#),
    (#"default r := [x | x := 1]"#, "{}", "[1]"),
    (
      #"f(x) := {"ok": true} if x.t == 1\#nr contains x if { some x in input.a; not f(x).ok }"#,
      #"{"a": [{"t": 1}, {"t": 2}]}"#, "[]"
    ),
    (#"r if { not split(input.q, "/")[4] }"#, #"{"q": "a/b"}"#, "true"),
    (#"r if { not split(input.q, "/")[4] }"#, "{}", nil),
    (#"r if { trace(sprintf("%v", [input.q])); true }"#, "{}", nil),
    (#"walk(a, b) if a == b\#nr if walk(1, 1)"#, "{}", "true"), (#"print(a) := 5\#nr := print(3)"#, "{}", "5"),
    (#"equal(a, b) if a.n != b.n\#nr if not 1 == 1"#, "{}", "true"),
  ]

  @Test("say what OPA says", arguments: cases.indices) func said(index: Int) throws {
    let (rules, input, result) = Self.cases[index]
    #expect(try Self.evaluate(rules, input) == result, "\(rules)")
  }

  @Test(
    "are refused when they cannot be evaluated, with the place",
    arguments: [
      ("r if { not input.l[_] == 1 }", "t.rego:3:12: var _ is unsafe"),
      ("r := x", "t.rego:3:6: var x is unsafe"), ("r if { y := x; x := 1 }", "t.rego:3:16: var x referenced above"),
      ("r if { x := 1; x := 2 }", "t.rego:3:16: var x assigned above"),
      ("r if r", "t.rego:3:1: rule r is recursive"), ("a if b\nb if a\nr := 1", "t.rego:3:1: rule a is recursive"),
      ("r := nope(1)", "t.rego:3:6: undefined function nope"),
      ("r := count(1, 2, 3)", "t.rego:3:6: function count has 1 arguments, not 3"),
      ("f(x) := 1\nr := f", "t.rego:4:6: function f has to be called"),
      ("r := data.nope.x", "t.rego:3:6: data.nope.x is not known, or not a rule"),
      ("r := [1, ", "t.rego:3:10: expected a term, not the end"),
      ("r := \"a", "t.rego:3:6: the string is never closed"),
      ("r := 1 2", "t.rego:3:8: expected the end of the rule, not '2'"),
      ("r[x] if x := 1\nr := 1", "t.rego:4:1: conflicting rules named r"),
      ("r if { some i; not input.l[i] == 1 }", "t.rego:3:20: var i is unsafe"),
    ])
  func refused(rules: String, message: String) throws {
    let error = try #require(throws: RegoError.self) { _ = try Self.evaluate(rules, "{}") }
    #expect("\(error)" == message)
  }

  @Test("of before version 1 are sets by their keys, and have no keywords") func older() throws {
    let template = """
      package k8srequiredlabels
      import data.lib.helpers.missing
      violation[{"msg": msg, "details": {"missing": m}}] {
        m := missing(input.review.object.metadata.labels, input.parameters.labels)
        count(m) > 0
        msg := sprintf("you must provide labels: %v", [m])
      }
      violation[{"msg": msg}] { input.review.contains == "if"; msg := "in" } { input.every; msg := "second" }
      """
    let library = """
      package lib.helpers
      missing(labels, wanted) = out {
        have := {label | labels[label]}
        out := {label | label := wanted[_]} - have
      }
      """
    let program = try Program([
      Program.Source(file: "t.rego", text: template), Program.Source(file: "l.rego", text: library),
    ])
    func violations(_ input: String) throws -> String? {
      try program.evaluate("violation", input: Value(json: input), limits: EvaluationLimits())?.json
    }
    #expect(
      try violations(
        #"{"review": {"object": {"metadata": {"labels": {"a": "1"}}}}, "parameters": {"labels": ["b", "a", "c"]}}"#)
        == #"[{"details":{"missing":["b","c"]},"msg":"you must provide labels: {\"b\", \"c\"}"}]"#)
    #expect(try violations(#"{"review": {"contains": "if"}, "every": true}"#) == #"[{"msg":"in"},{"msg":"second"}]"#)
    #expect(try violations("{}") == "[]")
  }

  @Test(
    "that say two things at once are an error",
    arguments: [
      ("r := 1\nr := 2", "complete rules must not produce multiple outputs"),
      ("f(x) := 1\nf(x) := 2\nr := f(0)", "functions must not produce multiple outputs for same inputs"),
      ("r := {1: x | some x in [1, 2]}", "object keys must be unique"),
    ])
  func conflict(rules: String, message: String) throws {
    let error = try #require(throws: EvaluationError.self) { _ = try Self.evaluate(rules, "{}") }
    guard case .conflict(message, _) = error else {
      Issue.record("\(error)")
      return
    }
  }
}
