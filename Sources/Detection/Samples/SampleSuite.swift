import Faults
import Manifests

/// Events written by hand, each with the rules that have to match it.
package struct SampleSuite: Sendable {
  package struct Sample: Sendable {
    package let name: String
    /// Where it stands.
    package let place: String
    let event: Manifest
    /// Exactly these have to match.
    package let rules: Set<String>
  }

  package struct Outcome: Hashable, Sendable, Encodable {
    package let name: String
    package let place: String
    package let passed: Bool
    /// Rules that should have matched and did not.
    package let missing: [String]
    /// Rules that matched and should not have.
    package let unexpected: [String]
  }

  package let samples: [Sample]

  /// - Throws: `Fault(.invalid)` naming the line and the reason.
  package init(_ text: String, source: String) throws {
    var samples: [Sample] = []
    for document in try Manifest.parse(text, source: source) {
      for item in try document.list() {
        var fields = try Fields(item)
        let name = try fields.require("name").string()
        let event = try fields.require("event")
        let rules = try fields.require("rules").strings()
        try fields.finish()
        _ = try SampleEvent(event)
        samples.append(Sample(name: name, place: "\(item.place)", event: event, rules: Set(rules)))
      }
    }
    self.samples = samples
  }

  /// Matches every sample.
  ///
  /// - Throws: `Fault(.invalid)` for a sample that names a rule that there is not.
  package func run(_ rules: CompiledRules) throws -> [Outcome] {
    let known = Set(rules.rules.map(\.name))
    return try samples.map { sample in
      if let unknown = sample.rules.subtracting(known).min() {
        throw Fault(
          .invalid, operation: "run sample '\(sample.name)' (\(sample.place))", reason: "there is no rule '\(unknown)'",
          remedy: "correct the sample's rules, or give the file with the rule")
      }
      let event = try SampleEvent(sample.event)
      event.bind(to: rules)
      let matcher = Matcher(rules, source: event)
      matcher.match()
      let matched = Set(matcher.matches.map { rules.rules[$0].name })
      return Outcome(
        name: sample.name, place: sample.place, passed: matched == sample.rules,
        missing: sample.rules.subtracting(matched).sorted(), unexpected: matched.subtracting(sample.rules).sorted())
    }
  }
}
