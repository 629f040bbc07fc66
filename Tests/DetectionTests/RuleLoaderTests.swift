import AgentModel
import Manifests
import Testing

@testable import Detection

@Suite("The loader of rules")
struct RuleLoaderTests {
  static func load(_ text: String) -> LoadResult {
    var loader = RuleLoader()
    return loader.load(text, file: "rules.yaml")
  }

  static let rule = "- {rule: r, desc: d, priority: INFO, output: o, condition: evt.type = open}\n"

  @Test("tells where an error is, from the file down to the part of the condition")
  func place() throws {
    let result = Self.load(
      """
      - list: shells
        items: [sh, bash]
      - rule: a shell
        desc: d
        priority: WARNING
        output: o
        condition: evt.type = execve and proc.name in (shells) and proc.nam = x
      """)
    let error = try #require(result.errors.first)
    #expect(error.code == .compileCondition)
    #expect(error.message == "filter_check called with nonexistent field proc.nam")
    #expect(error.context.locations.map(\.item) == [.rulesContent, .rule, .ruleCondition, .conditionExpression])
    let marks = error.context.locations.map { "\($0.mark.line):\($0.mark.column)" }
    #expect(marks == ["0:0", "2:2", "6:13", "7:66"])
    #expect(error.context.locations.last?.name == "\"evt.type = execve...\"")
  }

  @Test(
    "refuses what Falco refuses",
    arguments: [
      ("text", "Rules content is not yaml"),
      ("a: b", "Rules content is not yaml array of objects"),
      ("- text", "Unexpected element type. Each element should be a yaml associative array."),
      ("- rule: r", "Item has no mapping for key 'enabled'"),
      ("- {rule: r, enabled: true}", "Rule has 'enabled' key but no rule by that name already exists"),
      ("- {rule: r, desc: d, priority: INFO, output: o}", "Item has no mapping for key 'condition'"),
      ("- {rule: r, desc: d, priority: LOUD, output: o, condition: evt.type = open}", "Invalid priority"),
      ("- {rule: [], desc: d}", "Value is not a scalar value"),
      ("- {rule: \"\"}", "Value must be non-empty"),
      ("- rule:", "Mapping for key 'rule' is empty"),
      ("- {list: l}", "Item has no mapping for key 'items'"),
      ("- {list: l, items: a}", "Value is not a sequence"),
      ("- {list: l, items: [[a]]}", "sequence value is not scalar"),
      (
        "- {list: l, items: [a], append: true}",
        "List uses 'append' or 'override.items: append' but no list by that name already exists"
      ),
      ("- {macro: m, condition: a, append: maybe}", "Can't decode YAML scalar value"),
      ("- {macro: m, condition: missing}", "Undefined macro 'missing' used in filter."),
      ("- {macro: m, condition: m}", "Undefined macro 'm' used in filter."),
      (
        "- {macro: a, condition: evt.num > 0}\n- {macro: b, condition: a}\n- {macro: a, condition: b}",
        "reference loop in macro 'b'"
      ),
      ("- {required_engine_version: 64}", "Rules require engine version 0.64.0, but engine version is 0.63.0"),
      ("- {required_engine_version: 1.0.0}", "Rules require engine version 1.0.0, but engine version is 0.63.0"),
      (
        "- {required_engine_version: new}",
        "Unable to parse engine version 'new' as a semver string. Expected \"x.y.z\" semver format."
      ),
      ("- {required_plugin_versions: [{name: a, version: b}]}", "Invalid required version 'b' for plugin 'a'"),
      (
        "\(rule)- {rule: r, condition: and a, append: true, override: {condition: append}}",
        overrideAndAppend
      ),
      (
        "\(rule)- {rule: r, priority: INFO, override: {priority: append}}",
        "Key 'priority' cannot be appended to, use 'replace' instead"
      ),
      ("\(rule)- {rule: r, source: x, override: {source: replace}}", "Key 'source' cannot be replaced"),
      (
        "\(rule)- {rule: r, override: {desc: replace}}",
        "An replace override for 'desc' was specified but 'desc' is not defined"
      ),
      (
        "\(rule)- {rule: r, desc: e, output: p, override: {desc: replace}}",
        "Unexpected key 'output': no corresponding entry under 'override' is defined."
      ),
      (
        "\(rule)- {rule: r, desc: e, override: {desc: swap}}",
        "Invalid override operation for key 'desc': 'swap'. Allowed values are: append replace "
      ),
      (
        "- {rule: r, desc: e, override: {desc: replace}}",
        "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists"
      ),
      (
        exception("{name: e, fields: [proc.name, fd.name], comps: [=]}"),
        "Fields and comps lists must have equal length"
      ),
      (exception("{name: e, fields: [proc.name], comps: [about]}"), "'about' is not a supported comparison operator"),
      (exception("{name: e, fields: [proc.nope]}"), "'proc.nope' is not a supported filter field"),
      (
        exception("{name: e, fields: proc.name, comps: =}"),
        singleField
      ),
      (
        exception("{name: e, fields: [proc.name, fd.name], values: [[a]]}"),
        "Fields and values lists must have equal length"
      ),
      (exception("{name: e}"), "Item has no mapping for key 'fields'"),
      (exception("{name: e, fields: proc.name, values: a}"), "Rule exception values must be a sequence"),
    ] as [(String, String)])
  func refused(text: String, message: String) {
    #expect(Self.load(text).errors.map(\.message) == [message])
  }

  static let overrideAndAppend =
    "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. 'condition: append') "
    + "under 'override' instead."
  static let singleField =
    "When fields is a single value, comps must be one of (in, pmatch, intersects) or a modifier operator "
    + "(e.g. startswith oneof)"

  static func exception(_ exception: String) -> String {
    "- {rule: r, desc: d, priority: INFO, output: o, condition: evt.type = open, exceptions: [\(exception)]}"
  }

  @Test(
    "makes exceptions a part of the condition",
    arguments: [
      (
        "{name: e, fields: [proc.name, fd.name], values: [[a, /b], [c, \"d e\"]]}",
        "(evt.type = open) and not (( proc.name = a and  fd.name = /b) or ( proc.name = c and  fd.name = \"d e\"))"
      ),
      ("{name: e, fields: proc.name, values: [a, \"b c\"]}", "(evt.type = open) and not (proc.name in (a, \"b c\"))"),
      (
        "{name: e, fields: [proc.name], comps: [in], values: [[[a, b]], [\"(c)\"]]}",
        "(evt.type = open) and not (( proc.name in (a, b)) or ( proc.name in (c)))"
      ),
      (
        "{name: e, fields: fd.name, comps: startswith oneof, values: [/a]}",
        "(evt.type = open) and not (fd.name startswith oneof (/a))"
      ),
      ("{name: e, fields: [proc.name]}", "(evt.type = open)"),
    ] as [(String, String)])
  func exceptions(exception: String, condition: String) {
    var loader = RuleLoader()
    let result = loader.load(Self.exception(exception), file: "rules.yaml")
    #expect(result.errors.map(\.message) == [])
    #expect(loader.compiled().rules.map(\.condition) == [condition])
  }

  @Test("changes rules of earlier files, each in its own way")
  func changes() {
    var loader = RuleLoader()
    #expect(
      loader.load(
        """
        - {list: names, items: [a, b]}
        - {macro: m, condition: proc.name in (names)}
        - {rule: r, desc: d, priority: INFO, output: o, tags: [x], condition: evt.type = open and m}
        """, file: "first.yaml"
      ).isSuccessful)
    let second = loader.load(
      """
      - {list: names, items: ["c d"], override: {items: append}}
      - {macro: m, condition: or fd.name = x, override: {condition: append}}
      - {rule: r, condition: and user.uid = 0, tags: [y], priority: ERROR,
         override: {condition: append, tags: append, priority: replace}}
      """, file: "second.yaml")
    #expect(second.errors.map(\.message) == [])
    let rule = loader.compiled().rules[0]
    #expect(rule.priority == .error)
    #expect(rule.tags == ["x", "y"])
    #expect(rule.condition == "evt.type = open and m and user.uid = 0")
  }

  @Test("keeps what it had when a file is refused")
  func lastGood() {
    var loader = RuleLoader()
    #expect(loader.load(Self.rule, file: "good.yaml").isSuccessful)
    #expect(
      !loader.load("- {rule: s, desc: d, priority: INFO, output: o, condition: nope}", file: "bad.yaml").isSuccessful)
    #expect(!loader.load("- {rule: r, enabled: no}\n- [", file: "bad.yaml").isSuccessful)
    #expect(loader.compiled().rules.map(\.name) == ["r"])
    #expect(loader.compiled().rules[0].isEnabled)
  }

  @Test("keeps what was read before an error for later files, as Falco does") func readBefore() {
    var loader = RuleLoader()
    let bad = "- {macro: m, condition: evt.type = open}\n- {macro: n}\n"
    #expect(loader.load(bad, file: "1.yaml").errors.map(\.message) == ["Item has no mapping for key 'condition'"])
    #expect(loader.compiled().rules.isEmpty)
    let rule = "- {rule: r, desc: d, priority: INFO, output: o, condition: m}\n"
    #expect(loader.load(rule, file: "2.yaml").isSuccessful)
  }

  @Test(
    "refuses keys that are no text wherever it looks for keys",
    arguments: [
      ("- [a]: y", "line 1, column 3"), ("- list: l\n  items: []\n  {x: y}: z", "line 3, column 3"),
      ("- required_plugin_versions: [{name: container, version: 0.1.0, [a]: b}]", "line 1, column 64"),
      ("- rule: r\n  override: {[desc]: append}", "line 2, column 14"),
      (
        "- {rule: r, desc: d, priority: INFO, output: o, condition: evt.type = open, exceptions: [{name: e, "
          + "fields: fd.name, values: [a], [q]: z}]}", "line 1, column 130"
      ),
    ])
  func keys(text: String, place: String) {
    var loader = RuleLoader()
    let errors = loader.load(text, file: "a.yaml").errors
    #expect(errors.map(\.code) == [.yamlParse])
    #expect(errors.map(\.message) == ["error at \(place): a key must be a scalar"])
  }

  @Test("looks at what could be read and not compiled again with the next file, as Falco does")
  func readOnly() {
    var loader = RuleLoader()
    #expect(loader.load(Self.rule, file: "1.yaml").isSuccessful)
    let bad = "- {rule: s, desc: d, priority: INFO, output: o, condition: later}\n"
    #expect(!loader.load(bad, file: "2.yaml").isSuccessful)
    let third = loader.load("- {list: l, items: [a]}\n", file: "3.yaml")
    #expect(third.errors.map(\.message) == ["Undefined macro 'later' used in filter."])
    // What matches is what could be compiled last.
    #expect(loader.compiled().rules.map(\.name) == ["r"])
    #expect(loader.load("- {macro: later, condition: evt.type = close}\n", file: "4.yaml").isSuccessful)
    #expect(loader.compiled().rules.map(\.name) == ["r", "s"])
  }

  @Test(
    "warns as Falco does",
    arguments: [
      ("- {macro: m, condition: evt.num > 0}", ["LOAD_UNUSED_MACRO"]),
      ("- {list: l, items: []}", ["LOAD_UNUSED_LIST"]),
      ("- {list: \"a b\", items: []}", ["LOAD_INVALID_LIST_NAME", "LOAD_UNUSED_LIST"]),
      ("- {thing: l}", ["LOAD_UNKNOWN_ITEM"]),
      ("- {rule: r, desc: d, priority: INFO, output: o, source: k8s, condition: x}", ["LOAD_UNKNOWN_SOURCE"]),
      ("- {rule: r, desc: d, priority: INFO, output: o, condition: proc.name = a}", ["LOAD_NO_EVTTYPE"]),
      ("- {rule: r, desc: d, priority: INFO, output: o, warn_evttypes: false, condition: proc.name = a}", []),
      ("- {rule: r, desc: d, priority: INFO, output: o, condition: evt.num = 0}", []),
      (
        "- {rule: r, desc: d, priority: INFO, output: o, condition: evt.type = open and evt.dir = <}",
        ["LOAD_DEPRECATED_ITEM"]
      ),
      (
        "- {rule: r, desc: d, priority: INFO, output: o, condition: evt.type = open and proc.name = proc.pname}",
        ["LOAD_COMPILE_CONDITION"]
      ),
      (
        "- {rule: r, desc: d, priority: INFO, output: o, condition: evt.type = open and proc.name regex \"a.*\"}",
        ["LOAD_COMPILE_CONDITION"]
      ),
      (
        "- {rule: r, desc: d, priority: INFO, output: o, colour: red, condition: evt.type = open}", ["LOAD_UNKNOWN_KEY"]
      ),
      (
        "- {rule: r, desc: d, priority: INFO, output: o, skip-if-unknown-filter: true, condition: x.y = 1}",
        ["LOAD_UNKNOWN_FILTER"]
      ),
      ("\(rule)- {rule: r, condition: and proc.name = a, append: true}", ["LOAD_DEPRECATED_ITEM"]),
    ] as [(String, [String])])
  func warnings(text: String, codes: [String]) {
    let result = Self.load(text)
    #expect(result.errors.map(\.message) == [])
    #expect(result.warnings.map(\.code.rawValue) == codes)
  }
}
