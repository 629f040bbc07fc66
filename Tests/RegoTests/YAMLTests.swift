import Foundation
import SeededRandom
import TestSupport
import Testing

@testable import Rego

/// YAML, read as OPA 1.20 reads it.
@Suite("YAML in Rego") struct YAMLTests {
  private static func context() -> BuiltinContext { BuiltinContext(EvaluationLimits(), SearchExpressions()) }

  @Test(
    "has the types of YAML 1.1",
    arguments: [
      "a: 1": #"{"a": 1}"#, "a: y\nb: No\nc: on\nd: Off": #"{"a": true, "b": false, "c": true, "d": false}"#,
      "a: ~\nb:\nc: Null\nd: nULL": #"{"a": null, "b": null, "c": null, "d": "nULL"}"#,
      "[0o17, 0777, 0x1F, 0b11, -0b1, +0x1, 1_000, 1__0, 08, 0_8, 00, 0o0]": "[15,511,31,3,-1,1,1000,10,8,8,0,0]",
      "[0x, 0b2, 0o8, _1, +, 1:30, '1,000', 1e400, 2001-01-01]":
        #"["0x","0b2","0o8","_1","+","1:30","1,000","1e400","2001-01-01"]"#,
      "[1e3, 1.0, 1., +.5, .5, 0., 12e03, -2e+5, 0.1, -0.0]": "[1000,1,1,0.5,0.5,0,12000,-200000,0.1,0]",
      "[12345678901234567890, 1e21, 1e-7, 123456789.123456789]":
        "[12345678901234567890,1e+21,1e-7,123456789.12345679]",
      "1: a\ntrue: b\ny2: c\n0x10: d": #"{"1": "a", "true": "b", "y2": "c", "16": "d"}"#,
      "'1': \"aé\\n\"": #"{"1": "aé\n"}"#, "|\n  x\n  y\n": #""x\ny\n""#, ">\n  x\n  y\n\n  z": #""x y\nz""#,
      "a: 1\n---\nb: c": #"{"a": 1}"#, "": "null", "# c": "null", "---\n...\n": "null",
      "{a, b: 1}": #"{"a": null, "b": 1}"#,
      "- -": "[[null]]",
      "a: 50% * 2, & so on?": #"{"a": "50% * 2, & so on?"}"#,
    ])
  func types(yaml: String, json: String) throws {
    let value = try #require(try YAMLReader.value(yaml, Self.context()))
    #expect(value == (try Value(json: json)), "\(value)")
  }

  @Test("that JSON cannot say has no value", arguments: [".inf", "a: .NaN", "~: a", "12345678901234567890: a"])
  func none(yaml: String) throws { #expect(try YAMLReader.value(yaml, Self.context()) == nil) }

  @Test(
    "that would have to be guessed stops the evaluation",
    arguments: [
      "[&a 1, *a]", "*a", "<<: {a: 1}", "a: 1\na: 2", "1: a\n'1': b", "!!int '3'", "! 3", "!!set {a}",
      "%YAML 1.1\n---\na",
      "1.5: a", "!!str a: 1", "a: !!seq []", "[1]: a", "{a: 1}: b", "[,]", "[b:]", "{what? : 1}",
      "[a?b]", "? a", "a: b: c", "\t", "@a", "\"x", "a: 1\n b: 2", "a: \u{1}", "a: 1\n---\n\u{1}", "\u{FEFF}a: 1",
      "[\u{85}&a 1,\u{85}*a]", "\u{2028}!!str 1", "a: \"it\\'s\"", "\"a\\/b\"", "\"\\uFEFFx\"", "a: .5_0", "0b+1",
      "0b-101",
      "- " + String(repeating: "- ", count: 200) + "a", String(repeating: "[", count: 200), "x: 1\nx: 2",
    ])
  func unsupported(yaml: String) throws {
    #expect { try YAMLReader.value(yaml, Self.context()) } throws: { error in
      if case EvaluationError.unsupported = error { true } else { false }
    }
  }

  @Test("takes no time and no stack to refuse, nor to read", .timeLimit(.minutes(1))) func hostile() {
    let list = { (depth: Int, leaf: String) in
      String(repeating: "[", count: depth) + leaf + String(repeating: "]", count: depth)
    }
    let texts = [
      String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000),
      String(repeating: "{a: ", count: 100_000), String(repeating: "? ", count: 100_000),
      (0..<3).map { "\(list(60, $0 < 2 ? "a" : "{}")): \($0)\n" }.joined(),
      String(repeating: "? ", count: 800) + "[" + String(repeating: "a,", count: 20_000) + "a]",
      (0..<120).map { String(repeating: " ", count: $0) + "a:\n" + String(repeating: " ", count: $0) + "-\n" }.joined(),
      String(repeating: "[a:\n", count: 120) + "1" + String(repeating: "]", count: 120),
      String(repeating: "a: [b, {c: d}]\n", count: 60), "a: |\n" + String(repeating: "  text\n", count: 20_000),
    ]
    let start = ContinuousClock.now
    for text in texts { _ = try? YAMLReader.value(text, Self.context()) }
    #expect(.now - start < .seconds(20))
  }

  @Test(
    "at random is what OPA reads", .timeLimit(.minutes(2)),
    .enabled("\(OPALibrary.missing)") { await OPALibrary.isThere() })
  func random() async throws {
    let path = try await OPALibrary.path()
    let opa = try OPABridge(path)
    try opa.add("t.rego", "package t\nr := [x | some s in input.all; x := [yaml.unmarshal(s) | yaml.is_valid(s)]]")
    var random = SplitMix64(seed: 12)
    let pieces = [
      "0", "1", "8", "_", "-", "+", ".", "e", "E", "x", "o", "b", "n", "y", "a", "on", "No", "~", "null", "true", ":",
      ": ", " ",
      "'", "\"", "#", " #", ",", "[", "]", "{", "}", "\n", "\n  ", "- ", "? ", "|\n ", ">\n ", "\t", "\\", "é", "inf",
      "NaN",
    ]
    let texts = (0..<20_000).map { _ in
      (0..<Int.random(in: 1...6, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
    }
    let input = Value.object(["all": .array(texts.map(Value.string))]).json
    let answer = try Value(json: try opa.evaluate("t.r", input: input))
    let expressions = answer.object?["result"]?.items?.first?.object?["expressions"]?.items
    let theirs = try #require(expressions?.first?.object?["value"]?.items)
    var refused = 0
    for (text, theirs) in zip(texts, theirs) {
      do {
        let ours = try YAMLReader.value(text, Self.context())
        #expect(ours.map { [$0] } ?? [] == theirs.items, "\(text.debugDescription)")
      } catch EvaluationError.unsupported { refused += 1 }
    }
    #expect(refused < texts.count / 2, "\(refused) are not read")
  }
}
