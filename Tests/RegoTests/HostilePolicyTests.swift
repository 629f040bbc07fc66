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
