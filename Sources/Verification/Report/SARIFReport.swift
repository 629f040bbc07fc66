import Foundation

extension VerificationReport {
  /// The report as SARIF 2.1.0 (OASIS). Each check is a rule; FAILED is a failure, NOT TESTABLE is open, WAIVED a failure
  /// that is suppressed. What is proven has no result, because many readers take every result for a problem.
  ///
  /// - Throws: what the encoder throws.
  package func sarif(version: String) throws -> String {
    let log = SARIF(
      runs: [
        SARIF.Run(
          tool: SARIF.Tool(driver: SARIF.Driver(version: version, rules: checks.map(SARIF.Rule.init))),
          automationDetails: run.map { SARIF.Automation(id: "\($0.instance)/\($0.tier.rawValue)/", guid: $0.id) },
          results: checks.filter { $0.verdict != .proven }.map { check in
            SARIF.Result(check, waiver: waivers.first { $0.waiver.check == check.id && $0.state == .applied }?.waiver)
          })
      ])
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(log), as: UTF8.self) + "\n"
  }
}

/// The parts of SARIF that a report has.
private struct SARIF: Encodable {
  var schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
  var version = "2.1.0"
  var runs: [Run]

  enum CodingKeys: String, CodingKey {
    case schema = "$schema"
    case version, runs
  }

  struct Run: Encodable {
    var tool: Tool
    var automationDetails: Automation?
    var results: [Result]
  }

  struct Tool: Encodable { var driver: Driver }

  struct Driver: Encodable {
    var name = "lobstack verify"
    var version: String
    var rules: [Rule]
  }

  struct Automation: Encodable {
    var id: String
    var guid: String
  }

  struct Text: Encodable { var text: String }

  struct Rule: Encodable {
    var id: String
    var shortDescription: Text
    var properties: Properties

    struct Properties: Encodable { var tags: [String] }

    init(_ check: CheckReport) {
      id = check.id
      shortDescription = Text(text: check.title)
      properties = Properties(tags: [check.layer] + check.criteria)
    }
  }

  struct Result: Encodable {
    var ruleId: String
    var kind: String
    var level: String
    var message: Text
    var locations: [Location]
    var suppressions: [Suppression]?

    struct Location: Encodable {
      var physicalLocation = PhysicalLocation()
      var logicalLocations: [LogicalLocation]
    }

    /// Where the promise is written down: some readers want a file.
    struct PhysicalLocation: Encodable { var artifactLocation = ArtifactLocation() }
    struct ArtifactLocation: Encodable { var uri = "SPECIFICATION.md" }

    struct LogicalLocation: Encodable {
      var fullyQualifiedName: String
      var kind = "module"
    }

    struct Suppression: Encodable {
      var kind = "external"
      var status = "accepted"
      var justification: String
    }

    init(_ check: CheckReport, waiver: Waiver?) {
      ruleId = check.id
      (kind, level) =
        switch check.verdict {
        case .proven: ("pass", "none")  // left out before
        case .failed, .waived: ("fail", "error")
        case .notTestable: ("open", "none")
        }
      let evidence = check.evidence.isEmpty ? "no evidence" : check.evidence.joined(separator: "\n")
      message = Text(text: "\(check.title): \(check.verdict.rawValue)\n\(evidence)")
      locations = [
        Location(logicalLocations: [LogicalLocation(fullyQualifiedName: "lobstack/\(check.layer)/\(check.id)")])
      ]
      suppressions = waiver.map {
        [Suppression(justification: "\($0.owner), until \($0.expires): \($0.reason)")]
      }
    }
  }
}
