import AgentModel
import Manifests
import Testing

@testable import Detection

/// Rules from the text of a file, and what comes of events that are written by hand.
struct LoadedRules {
  let rules: CompiledRules

  /// - Parameter text: rules that have to be good.
  init(_ text: String) throws {
    var loader = RuleLoader()
    let result = loader.load(text, file: "rules.yaml")
    try #require(result.errors.map(\.message) == [])
    rules = loader.compiled()
  }

  /// One rule with a condition that matches events of type openat.
  init(condition: String, output: String = "o") throws {
    try self.init(
      """
      - rule: r
        desc: d
        priority: INFO
        condition: \(Self.quoted("evt.type = openat and (\(condition))"))
        output: \(Self.quoted(output))
      """)
  }

  /// The names of the rules that match.
  func matches(_ event: String) throws -> [String] {
    let sample = try SampleEvent(Manifest.parseOne(event, source: "event"))
    sample.bind(to: rules)
    let matcher = Matcher(rules, source: sample)
    matcher.match()
    return matcher.matches.map { rules.rules[$0].name }
  }

  /// What the only rule says of an event.
  func output(_ event: String) throws -> (text: String, fields: [String: JSONValue]) {
    let sample = try SampleEvent(Manifest.parseOne(event, source: "event"))
    sample.bind(to: rules)
    let matcher = Matcher(rules, source: sample)
    try #require(matcher.match())
    let (text, fields) = matcher.output(of: 0)
    return (text, Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }))
  }

  /// A text in YAML's double quotes.
  static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }

  /// What is wrong with a condition; `nil` when nothing is.
  static func objection(to condition: String) -> String? {
    var loader = RuleLoader()
    let result = loader.load(
      """
      - rule: r
        desc: d
        priority: INFO
        output: o
        condition: \(quoted(condition))
      """, file: "rules.yaml")
    return result.errors.first?.message
  }
}
