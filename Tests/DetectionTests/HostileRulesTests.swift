import SeededRandom
import Testing

@testable import Detection

@Suite("Rules from anybody")
struct HostileRulesTests {
  static let file = """
    - required_engine_version: 0.57.0
    - list: shells
      items: [ash, bash, "a b"]
    - macro: spawned
      condition: (evt.type in (execve, execveat))
    - rule: a shell
      desc: one
      condition: spawned and container.id != host and (proc.name in (shells) or basename(proc.exepath) in (shells))
      output: Shell | proc=%proc.name parent=%20proc.pname
      priority: WARNING
      tags: [agent, T1059]
      exceptions:
        - {name: e, fields: [proc.name, fd.name], comps: [=, startswith], values: [[a, /b]]}
    - rule: a shell
      condition: and not proc.pname = sshd
      override: {condition: append}

    """

  @Test("never break the loader, however they are changed")
  func fuzz() {
    var random = SplitMix64(seed: 7)
    let tokens = [
      "- ", "[", "]", "{", "}", ":", "\n", "  ", "rule: ", "macro: ", "append: true", "&a ", "*a", "\"", "'", "\\", "%",
      "%proc.name", " and ", " or ", "not ", "(", ")", " in ", "val(", "\u{0}", "é", "<<: ", "override: ", "!!int ",
      "| ", "> ", "#",
    ]
    for _ in 0..<500 {
      var text = Array(Self.file)
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        let place = Int.random(in: 0..<text.count, using: &random)
        switch UInt8.random(in: 0...2, using: &random) {
        case 0: text.insert(contentsOf: tokens.randomElement(using: &random) ?? "", at: place)
        case 1: text.removeSubrange(place..<min(text.count, place + Int.random(in: 1...12, using: &random)))
        default: text.swapAt(place, Int.random(in: 0..<text.count, using: &random))
        }
        if text.isEmpty { text = ["-"] }
      }
      var loader = RuleLoader()
      let result = loader.load(String(text), file: "rules.yaml")
      for error in result.errors { _ = error.context.snippet(of: String(text)) }
      _ = loader.compiled()
    }
  }

  @Test("with macros that double at each level stay small")
  func macroBomb() {
    var text = "- {macro: m0, condition: evt.type = open and proc.name = a}\n"
    for level in 1...60 {
      text += "- {macro: m\(level), condition: (m\(level - 1) or m\(level - 1)) and not m\(level - 1)}\n"
    }
    text += "- {rule: r, desc: d, priority: INFO, output: o, condition: m60}\n"
    #expect(RuleLoaderTests.load(text).errors.map(\.message) == [])
  }

  @Test("with a long chain of macros neither overflow the stack nor pass a bound")
  func macroChain() {
    var text = "- {macro: m0, condition: evt.type = open}\n"
    for level in 1...5_000 { text += "- {macro: m\(level), condition: not (m\(level - 1) and proc.pid = \(level))}\n" }
    text += "- {rule: r, desc: d, priority: INFO, output: o, condition: m5000}\n"
    let result = RuleLoaderTests.load(text)
    #expect(result.errors.first?.message.contains("nested more than 1000 deep") == true)
  }

  @Test("with lists that double at each level end with an error")
  func listBomb() {
    var text = ""
    for level in 0..<40 { text += "- {list: l\(level), items: [l\(level + 1), l\(level + 1)]}\n" }
    text += "- {list: l40, items: [a]}\n"
    text += "- {rule: r, desc: d, priority: INFO, output: o, condition: evt.type = open and proc.name in (l0)}\n"
    #expect(RuleLoaderTests.load(text).errors.first?.message.contains("once its lists are put in") == true)
  }

  @Test(
    "that are no rules end with an error",
    arguments: [
      String(repeating: "[", count: 200_000), String(repeating: "- ", count: 200_000),
      aliasBomb, "- &a {list: l}\n- {? *a : x}\n", "\u{0}", "- {rule: \"\\0\"}",
      String(repeating: "x", count: 20 << 20),
      "%YAML 9.9\n---\n- a", "- rule: r\n\tdesc: d",
    ])
  func noRules(text: String) { #expect(!RuleLoaderTests.load(text).isSuccessful) }

  static let aliasBomb =
    "- &a0 [x, x]\n" + (1...40).map { "- &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()

  @Test("may have aliases, and text that looks like some")
  func aliases() {
    let text = """
      - {list: l, items: &names [a, "&x *x", b]}
      - {list: m, items: *names}
      - {rule: r, desc: d, priority: INFO, output: o, condition: evt.type = open and proc.name in (l) and fd.name in (m)}

      """
    #expect(RuleLoaderTests.load(text).errors.map(\.message) == [])
  }

  @Test("may have long lists")
  func large() {
    let items = (0..<5_000).map { "n\($0)" }.joined(separator: ", ")
    let list = """
      - {list: l, items: [\(items)]}
      - {rule: r, desc: d, priority: INFO, output: o, condition: evt.type = open and proc.name in (l)}

      """
    #expect(RuleLoaderTests.load(list).errors.map(\.message) == [])
  }

  @Test("may be many that have nothing in common")
  func many() throws {
    let text = (0..<3_000).map { number in
      """
      - {rule: r\(number), desc: d, priority: INFO, output: o, condition: evt.type = open and proc.pid = \(number)}

      """
    }
    let rules = try LoadedRules(text.joined())
    #expect(try rules.matches("{evt.type: open, proc.pid: 2999}") == ["r2999"])
    #expect(try rules.matches("{evt.type: open, proc.pid: 3000}") == [])
  }

  @Test("have expressions that do not blow up")
  func expressions() throws {
    let name = String(repeating: "a", count: 30_000)
    let event = "{evt.type: open, proc.name: \(name)}"
    #expect(try !MatcherTests.matches("evt.type = open and proc.name regex \"(a*)*b\"", event))
    #expect(try !MatcherTests.matches("evt.type = open and proc.name regex \"(a|aa)+b\"", event))
    #expect(try !MatcherTests.matches("evt.type = open and proc.name glob \"*a*a*a*a*a*b\"", event))
  }

  @Test("share a long list, and chains of alternatives do not grow with the square") func alternatives() throws {
    let words = (0..<5_000).map { "w\($0)" }.joined(separator: ", ")
    var text = "- {macro: big, condition: 'proc.name in (\(words))'}\n- {macro: m0, condition: proc.name = x}\n"
    for number in 1...1_500 { text += "- {macro: m\(number), condition: m\(number - 1) or proc.name = x\(number)}\n" }
    for number in 0..<1_000 {
      text += "- {rule: r\(number), desc: d, priority: INFO, output: o, condition: big or proc.name = y\(number)}\n"
    }
    text += "- {rule: chain, desc: d, priority: INFO, output: o, condition: m1500}\n"
    let rules = try LoadedRules(text)
    #expect(rules.rules.checks.reduce(0) { $0 + $1.constants } < 200_000)
    #expect(try rules.matches(#"{"evt.type": "openat", "proc.name": "x700"}"#) == ["chain"])
    #expect(try rules.matches(#"{"evt.type": "openat", "proc.name": "w700"}"#).count == 1_000)
  }
}

extension CompiledCheck {
  fileprivate var constants: Int {
    switch test {
    case .set(let set): set.count
    case .several(_, let tests): tests.count
    default: 1
    }
  }
}
