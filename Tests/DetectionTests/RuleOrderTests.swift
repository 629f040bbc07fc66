import AgentModel
import Testing

@testable import Detection

@Suite("The order of lists, macros and rules")
struct RuleOrderTests {
  private func load(_ text: String) -> LoadResult {
    var loader = RuleLoader()
    return loader.load(text, file: "rules.yaml")
  }

  private static func rule(_ condition: String) -> String {
    """
    - rule: r
      desc: d
      priority: INFO
      output: o
      condition: \(LoadedRules.quoted(condition))

    """
  }

  @Test(
    "matters among macros, for which those before them are seen",
    arguments: [
      ("- {macro: a, condition: b}\n- {macro: b, condition: evt.type = open}\n", "Undefined macro 'b' used in filter."),
      (
        "- {macro: a, condition: evt.type = open}\n- {macro: a, condition: a or evt.type = close}\n",
        "reference loop in macro 'a'"
      ),
      (
        "- {macro: a, condition: evt.type = open}\n- {macro: b, condition: a}\n- {macro: a, condition: b}\n",
        "reference loop in macro 'b'"
      ),
      (
        "- {macro: a, condition: evt.type = open}\n- {macro: a, condition: or a, append: true}\n",
        "reference loop in macro 'a'"
      ),
      ("- {macro: a, condition: evt.type = open}\n- {macro: b, condition: a}\n", nil),
      (
        "- {macro: a, condition: evt.type = open}\n- {macro: b, condition: evt.type = close}\n"
          + "- {macro: a, condition: b}\n", nil
      ),
    ] as [(String, String?)])
  func macros(text: String, message: String?) {
    #expect(load(text + Self.rule("evt.type = open and a")).errors.first?.message == message)
  }

  @Test("does not matter between rules and what they use") func rules() {
    #expect(load(Self.rule("a") + "- {macro: a, condition: evt.type = open}\n").isSuccessful)
    #expect(load(Self.rule("evt.type = open and proc.name in (l)") + "- {list: l, items: [a]}\n").isSuccessful)
  }

  @Test(
    "of lists: a list has the items of those before it",
    arguments: [
      ("- {list: a, items: [x]}\n- {list: b, items: [a, y]}\n", ["x", "y"]),
      // What b put into the text is the name of a list too, which comes later.
      ("- {list: b, items: [a, y]}\n- {list: a, items: [x]}\n", ["x", "y"]),
      ("- {list: b, items: [\"a\", y]}\n", ["a", "y"]),
      (
        "- {list: a, items: [x]}\n- {list: b, items: [a, y]}\n- {list: a, items: [z], append: true}\n", ["x", "z", "y"]
      ),
      ("- {list: b, items: [y]}\n- {list: b, items: [b, z]}\n", ["b", "z"]),
      ("- {list: b, items: [y]}\n- {list: b, items: [\"q r\"], override: {items: append}}\n", ["y", "q r"]),
    ] as [(String, [String])])
  func lists(text: String, items: [String]) throws {
    let rules = try LoadedRules(text + Self.rule("evt.type = open and proc.name in (b)"))
    for name in ["a", "b", "x", "y", "z", "q r", "q"] {
      #expect(
        try !rules.matches("{evt.type: open, proc.name: \(LoadedRules.quoted(name))}").isEmpty == items.contains(name),
        "\(name)")
    }
  }

  @Test("puts lists into the text of conditions") func text() throws {
    // A list with the name of a value takes its place.
    let renamed = try LoadedRules("- {list: open, items: [close]}\n" + Self.rule("evt.type = open"))
    #expect(try renamed.matches("{evt.type: close}") == ["r"])
    #expect(try renamed.matches("{evt.type: open}") == [])
    // Two items are no value.
    #expect(
      load("- {list: l, items: [a, b]}\n" + Self.rule("evt.type = open and proc.name = l")).errors.first?.message
        == "unexpected token after 'a', expecting 'or', 'and'")
    // Also in quotes, where it stands between blanks.
    let quoted = try LoadedRules("- {list: l, items: [a]}\n" + Self.rule("evt.type = open and proc.name = \"x l y\""))
    #expect(try quoted.matches("{evt.type: open, proc.name: x a y}") == ["r"])
    // Before macros are looked for.
    #expect(
      load("- {list: m, items: [a]}\n- {macro: m, condition: evt.type = open}\n" + Self.rule("m")).errors.first?.message
        == "Undefined macro 'a' used in filter.")
  }

  @Test(
    "leaves no comma where an empty list was",
    arguments: ["(l)", "(a, l, b)", "(l, a)", "(a, l)", "( l , l )", "(l,l,a)"])
  func emptyList(values: String) {
    let result = load("- {list: l, items: []}\n" + Self.rule("evt.type = open and proc.name in \(values)"))
    #expect(result.errors.map(\.message) == [])
  }

  @Test("of rules is that of their first definition") func redefined() throws {
    let rules = try LoadedRules(
      """
      - {rule: b, desc: d, priority: INFO, output: o, condition: evt.type = open}
      - {rule: a, desc: d, priority: INFO, output: o, condition: evt.type = open}
      - {rule: b, desc: e, priority: ERROR, output: p, condition: evt.type = close}
      """)
    #expect(rules.rules.rules.map(\.name) == ["b", "a"])
    #expect(rules.rules.rules[0].priority == .error)
    #expect(rules.rules.rules[0].description == "e")
    #expect(try rules.matches("{evt.type: open}") == ["a"])
  }

  @Test("of macros: what only unused macros use is used") func unused() {
    let result = load(
      "- {list: l, items: [x]}\n- {list: k, items: [x]}\n- {macro: a, condition: proc.name in (l)}\n"
        + Self.rule("evt.type = open"))
    #expect(result.warnings.map(\.code) == [.unusedMacro, .unusedList])
    #expect(result.warnings.map { $0.context.locations.last?.itemName } == ["a", "k"])
  }

  @Test("of files: later ones change what earlier ones define") func files() {
    var loader = RuleLoader()
    #expect(loader.load("- {macro: a, condition: evt.type = open}\n" + Self.rule("a"), file: "1.yaml").isSuccessful)
    #expect(loader.load("- {macro: a, condition: evt.type = close}\n", file: "2.yaml").isSuccessful)
    #expect(loader.compiled().rules[0].eventTypes.map(\.description) == ["close"])
    #expect(loader.load("- {rule: r, enabled: false}\n", file: "3.yaml").isSuccessful)
    #expect(!loader.compiled().rules[0].isEnabled)
    // An error is told of the file that it came with, and leaves all as it was.
    let bad = loader.load("- {macro: a, condition: evt.type = opn}\n", file: "4.yaml")
    #expect(bad.file == "4.yaml" && bad.errors.first?.message == "unknown event type opn")
    #expect(loader.compiled().rules[0].eventTypes.map(\.description) == ["close"])
  }
}
