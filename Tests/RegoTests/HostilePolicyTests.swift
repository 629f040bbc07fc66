import SeededRandom
import Testing

@testable import Rego

@Suite("Hostile policies", .timeLimit(.minutes(2)))
struct HostilePolicyTests {
  private static func program(_ rules: String) throws -> Program {
    try Program([Program.Source(file: "t.rego", text: "package t\nimport rego.v1\n" + rules)])
  }

  @Test(
    "end after so many steps",
    arguments: [
      "r if { some a, b, c, d, e in numbers.range(1, 100); a + b + c + d + e < 0 }",
      "r := count([1 | some a in input.l; some b in input.l; some c in input.l; some d in input.l; a == b + c + d + 9])",
      "r := count(numbers.range(1, 1000000000))", "r := count(concat(\",\", [s | some i in input.l; s := input.s]))",
    ])
  func steps(rules: String) throws {
    let list = "[" + (0..<200).map { "\($0)" }.joined(separator: ",") + "]"
    let text = String(repeating: "x", count: 200_000)
    let input = try Value(json: "{\"l\": \(list), \"s\": \"\(text)\"}")
    // Several names before `in` are no Rego; what is tried is that nothing runs on.
    guard let program = try? Self.program(rules) else { return }
    #expect(throws: EvaluationError.tooLong) {
      _ = try program.evaluate("r", input: input, limits: EvaluationLimits(steps: 100_000))
    }
  }

  private static let doubled =
    "x0 := [input.l]\n" + (0..<40).map { "x\($0 + 1) := [x\($0), x\($0)]" }.joined(separator: "\n")

  @Test(
    "make no values that stand for more than memory holds",
    arguments: [
      "x40 == y", "count({x40, y}) == 1", "count(json.marshal(x40)) > 0", "count(sprintf(\"%v\", [x40])) > 0",
      "x40 in [y]",
      "sort([x40, y])", "{y: 1}[x40]", "object.subset({\"a\": x40}, {\"a\": y})", "count({x40} | {y}) > 0", "x40",
    ])
  func doubling(statement: String) throws {
    let program = try Self.program("r := 1 if {\n\(Self.doubled)\ny := x40\nz := [x40, 1]\n\(statement) }")
    #expect(throws: EvaluationError.tooLong) {
      _ = try program.evaluate("r", input: .object(["l": [1]]), limits: EvaluationLimits())
    }
  }

  @Test(
    "nest values and statements no deeper than a stack holds",
    arguments: [
      "x0 := []\n" + (0..<5_000).map { "x\($0 + 1) := [x\($0)]" }.joined(separator: "\n"),
      (0..<20_000).map { "x\($0) = input.l[_]" }.joined(separator: "\n"),
      """
      ops := [o | some i in numbers.range(1, 9000); o := {"op": "copy", "from": "/a", "path": "/a/b"}]
      json.patch({"a": {"b": 1}}, ops)
      """,
    ])
  func nesting(statements: String) throws {
    // Either is fine; what is tried is that it ends with an error.
    #expect(throws: (any Error).self) {
      let program = try Self.program("r if {\n\(statements) }")
      _ = try program.evaluate("r", input: .object(["l": [1]]), limits: EvaluationLimits())
    }
  }

  @Test("are put in order in time that does not explode") func order() throws {
    func level(_ depth: Int) -> String {
      let inner = depth == 0 ? "true" : level(depth - 1)
      return "array.concat([1 | \(inner)], z\(depth))\n" + String(repeating: "true\n", count: 9) + "z\(depth) = []"
    }
    _ = try Self.program("r if { \(level(12)) }")
    let reversed = (0..<5_000).map { "x\($0) = x\($0 + 1)" }.joined(separator: "\n")
    let error = try #require(throws: RegoError.self) { _ = try Self.program("r if {\n\(reversed)\nx5000 = 1 }") }
    #expect(error.message == "the policy is too large or too intricate")
  }

  @Test("count what functions and 'with' take, too") func calls() throws {
    let bodies = (0..<2_000).map { "f(\($0 + 10)) := 1" }.joined(separator: "\n")
    let program = try Self.program("\(bodies)\nr := count([1 | some i in numbers.range(1, 20000); f(1)])")
    #expect(throws: EvaluationError.tooLong) { _ = try program.evaluate("r", input: nil, limits: EvaluationLimits()) }
  }

  @Test(
    "count what long texts cost",
    arguments: [
      "startswith(input.s, input.s)", "endswith(input.s, input.s)", "trim_prefix(input.s, \"x\") != \"\"",
      "strings.any_prefix_match(input.s, [input.s, input.s])", "not net.cidr_contains(input.s, input.s)",
      "not net.cidr_contains(\"10.0.0.0/8\", input.s)",
    ])
  func texts(statement: String) throws {
    let program = try Self.program("r := count([1 | some i in numbers.range(1, 300000); \(statement)])")
    let input = Value.object(["s": .string(String(repeating: "x.", count: 250_000))])
    #expect(throws: EvaluationError.tooLong) { _ = try program.evaluate("r", input: input, limits: EvaluationLimits()) }
  }

  @Test("count what large keys cost", arguments: ["s[x]", "o[x]", "not s[[x]]", "t[s[x]]"])
  func keys(statement: String) throws {
    let program = try Self.program(
      "r := count([1 | x := numbers.range(1, 20000); s := {x}; o := {x: 1}; t := {x}; some i in numbers.range(1, 1000); "
        + "\(statement)])")
    #expect(throws: EvaluationError.tooLong) { _ = try program.evaluate("r", input: nil, limits: EvaluationLimits()) }
  }

  @Test("may look as far down as they like, without a stack for it") func longPath() throws {
    let program = try Self.program("r if input" + String(repeating: "[_]", count: 100_000))
    #expect(try program.evaluate("r", input: ["a": [1]], limits: EvaluationLimits()) == nil)
  }

  @Test("end when their time is up") func time() throws {
    let program = try Self.program("r := count([1 | some i in numbers.range(1, 200000)])")
    let limits = EvaluationLimits(steps: .max, time: .zero)
    #expect(throws: EvaluationError.tooLong) { _ = try program.evaluate("r", input: nil, limits: limits) }
  }

  @Test(
    "nest no deeper than is allowed",
    arguments: [
      ("[", "]"), ("(", ")"), ("{", "}"), ("{1: ", "}"), ("[x | x := ", "]"), ("f(", ")"), ("x[", "]"), ("", ""),
    ])
  func depth(open: String, close: String) throws {
    let count = 100_000
    let text = "r := " + String(repeating: open, count: count) + "1" + String(repeating: close, count: count)
    if open.isEmpty {
      #expect(throws: RegoError.self) { _ = try Self.program("r if " + String(repeating: "not ", count: count) + "x") }
    } else {
      #expect(throws: RegoError.self) { _ = try Self.program(text) }
    }
  }

  @Test("have chains no longer than is allowed", arguments: [" + 1", " in x", " == 1", " | x"])
  func chain(link: String) {
    #expect(throws: RegoError.self) { _ = try Self.program("r := 1" + String(repeating: link, count: 100_000)) }
  }

  @Test("have no chains of chains that are deeper than is allowed") func chainOfChains() {
    var term = "1"
    for _ in 0..<6 {
      term = "(" + term + String(repeating: "*1", count: 240) + String(repeating: "+1", count: 240) + ")"
    }
    #expect(throws: RegoError.self) { _ = try Self.program("r := \(term)") }
  }

  @Test("that are no Rego are refused, however they are changed", arguments: 0..<4 as Range<UInt64>)
  func mutated(seed: UInt64) throws {
    let seedText = """
      package t
      import rego.v1
      import data.lib.x as y
      default a := {"k": [1, 2.5e3, `raw`, null]}
      r contains {"msg": msg} if {
        some i, c in input.review.object.spec.containers
        not startswith(c.image, concat("/", ["a", sprintf("%v", [i])]))
        msg := sprintf("%v: %q", [c.name, {x | x := input.l[_]; x != -1}])
      } else := 3 if every k, v in input.o { v > 1; k in {"a"} }
      f(x, [y, {"z": z}]) := {x: z | walk(y, [p, x]); p[0] == x} with input.a as 1
      """
    let words = [
      "{", "}", "[", "]", "(", ")", "|", ":=", "=", "not ", "some ", "if ", "else ", "\"", "`", "\n", ".", ",", "with ",
      "in ", "0x", "é",
    ]
    var random = SplitMix64(seed: seed)
    var (good, bad) = (0, 0)
    for _ in 0..<1_500 {
      var bytes = Array(seedText.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(contentsOf: words[Int.random(in: 0..<words.count, using: &random)].utf8, at: place)
        default: bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
      }
      do {
        let program = try Program([Program.Source(file: "t.rego", text: String(decoding: bytes, as: UTF8.self))])
        _ = try? program.evaluate("r", input: .object(["l": [1]]), limits: EvaluationLimits(steps: 10_000))
        good += 1
      } catch is RegoError {
        bad += 1
      }
    }
    #expect(bad > 0)
  }
}
