import AgentModel
import Testing

@testable import Detection

@Suite("What rules ask for, and how severe they are")
struct RequirementTests {
  @Test(
    "is an engine that can read them",
    arguments: [
      ("0.63.0", nil), ("0.50.7", nil), ("5", nil), ("63", nil), ("0x10", nil), ("0.10.0-rc1", nil), ("0", nil),
      ("0.63.1", "Rules require engine version 0.63.1, but engine version is 0.63.0"),
      ("64", "Rules require engine version 0.64.0, but engine version is 0.63.0"),
      ("1.2.3", "Rules require engine version 1.2.3, but engine version is 0.63.0"),
      ("\"0.63\"", "Unable to parse engine version '0.63' as a semver string. Expected \"x.y.z\" semver format."),
      ("-1", "Unable to parse engine version '-1' as a semver string. Expected \"x.y.z\" semver format."),
      ("new", "Unable to parse engine version 'new' as a semver string. Expected \"x.y.z\" semver format."),
      ("[a]", "Value is not a scalar value"), ("~", "Mapping for key 'required_engine_version' is empty"),
    ] as [(String, String?)])
  func engine(version: String, message: String?) {
    var loader = RuleLoader()
    #expect(
      loader.load("- required_engine_version: \(version)\n", file: "a.yaml").errors.first?.message == message)
  }

  @Test(
    "are versions of plugins that count as loaded",
    arguments: [
      ("[]", nil), ("[{name: container, version: 0.1.0}]", nil),
      ("[{name: a, version: 0.1.0, alternatives: [{name: container, version: 0.7.1}]}]", nil),
      (
        "[{name: a, version: 0.1.0, alternatives: [{name: b, version: 1.0.0}]}]",
        "Plugin requirement not satisfied, must load one of: a (>= 0.1.0), b (>= 1.0.0)"
      ),
      (
        "[{name: container, version: 0.7.2, alternatives: [{name: b, version: 1.0.0}]}]",
        "Plugin 'container' version '0.7.1' is not compatible with required plugin version '0.7.2'"
      ),
      ("x", "Value of required_plugin_versions must be a sequence"), ("[x]", "Plugin version must be a mapping"),
      ("[{name: a}]", "Item has no mapping for key 'version'"),
      ("[{version: 1.0.0}]", "Item has no mapping for key 'name'"),
      ("[{name: a, version: b}]", "Invalid required version 'b' for plugin 'a'"),
      ("[{name: a, version: 1.0.0, alternatives: x}]", "Value of plugin version alternatives must be a sequence"),
      ("[{name: a, version: 1.0.0, alternatives: [x]}]", "Plugin version alternative must be a mapping"),
      (
        "[{name: a, version: 0.1.0, alternatives: [{name: a, version: 0.2.0}]}]",
        "Defined multiple alternative version requirements for plugin 'a'"
      ),
    ] as [(String, String?)])
  func plugins(text: String, message: String?) {
    var loader = RuleLoader()
    #expect(
      loader.load("- required_plugin_versions: \(text)\n", file: "a.yaml").errors.first?.message == message)
  }

  @Test(
    "is a priority, in any case",
    arguments: [
      ("EMERGENCY", .emergency), ("alert", .alert), ("Critical", .critical), ("eRRor", .error), ("Warning", .warning),
      ("notice", .notice), ("INFO", .informational), ("Informational", .informational), ("debug", .debug),
    ] as [(String, AlertPriority)])
  func priority(text: String, priority: AlertPriority) { #expect(AlertPriority(text) == priority) }

  @Test("is no priority otherwise", arguments: ["", "warn", "5", "information", " info", "EMERG", "ınfo"])
  func noPriority(text: String) { #expect(AlertPriority(text) == nil) }

  @Test("leaves out rules that are less severe than is wanted") func lowest() throws {
    var loader = RuleLoader()
    let text = AlertPriority.allCases.map {
      "- {rule: \($0), desc: d, priority: \($0), output: o, condition: evt.type = open}\n"
    }.joined()
    #expect(loader.load(text, file: "a.yaml").isSuccessful)
    let open = try #require(EventType("open"))
    for lowest in AlertPriority.allCases {
      let rules = loader.compiled(lowestPriority: lowest)
      let matcher = Matcher(rules, source: NoFields(eventType: open))
      matcher.match()
      #expect(matcher.matches.map { rules.rules[$0].priority } == AlertPriority.allCases.filter { $0 <= lowest })
    }
  }

  @Test("is a bool as YAML 1.1 has it") func bools() {
    for text in ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"] {
      #expect(text.yamlBool == true, "\(text)")
    }
    for text in ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off"] {
      #expect(text.yamlBool == false, "\(text)")
    }
    for text in ["", "1", "yEs", "tRUE", "maybe", " true", "oN"] { #expect(text.yamlBool == nil, "\(text)") }
  }

  /// An event without fields.
  private final class NoFields: FieldSource {
    let eventType: EventType

    init(eventType: EventType) { self.eventType = eventType }

    func value(of field: Int, in arena: ValueArena) -> FieldValue { .absent }
  }
}
