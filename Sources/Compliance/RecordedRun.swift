import APIModel
import FoundationEssentials

/// A run of `lobstack verify` as its stored report tells it, and as the audit log vouches for it.
package struct RecordedRun: Sendable {
  package enum Verdict: String, Sendable, CaseIterable {
    case proven = "PROVEN"
    case failed = "FAILED"
    case notTestable = "NOT TESTABLE"
    case waived = "WAIVED"

    /// How much it weighs beside others about the same promise.
    fileprivate var weight: Int {
      switch self {
      case .proven: 0
      case .notTestable: 1
      case .waived: 2
      case .failed: 3
      }
    }
  }

  struct Waiver: Sendable, Hashable {
    var check: String
    var owner: String
    var reason: String
    var expires: String
  }

  /// Why a report is no evidence.
  package struct Unreadable: Error {
    package var reason: String
    /// Whether it may tell of a check that failed or was waived.
    package var mayDissent = true
  }

  let id: String
  let tier: String
  /// Who began it; `nil` where nobody is named.
  let trigger: VerificationTrigger?
  /// When it was recorded, by the audit record: what its report says of time is its maker's word.
  let time: Date
  let version: String
  let reference: ComplianceReport.Reference
  /// By the promise.
  let verdicts: [String: Verdict]
  /// With what became of each: `applied`, `expired`, …
  let waivers: [(waiver: Waiver, state: String)]

  /// - Parameters:
  ///   - record: of `verification.record`.
  ///   - report: the bytes that are stored; `nil` when there are none.
  ///   - sha256: of these bytes, hexadecimal.
  /// - Throws: `Unreadable` when they are not those that were recorded.
  package init(_ record: AuditRecordResource, report: String?, sha256: String?) throws(Unreadable) {
    guard let report else {
      let dissent = ["failed", "waived"].contains { record.details[$0] != "0" }
      throw Unreadable(reason: "its report is not kept any more", mayDissent: dissent)
    }
    guard let sha256, sha256 == record.details["sha256"] else {
      throw Unreadable(reason: "its report is not the one whose SHA-256 was recorded")
    }
    let content: Content
    do { content = try APIJSON.decode(Content.self, from: report.utf8) } catch {
      throw Unreadable(reason: "its report is of another version")
    }
    reference = .init(to: record)
    id = shortened(content.run.id)
    tier = shortened(content.run.tier)
    trigger = content.run.trigger.flatMap(VerificationTrigger.init)
    version = shortened(content.run.version)
    time = record.time
    // A verdict that nobody here knows is no proof; of several about one promise the worst one counts.
    verdicts = Dictionary(
      content.checks.filter { !Control.criteria(of: $0.id).isEmpty }.map {
        (Control.promise(of: $0.id), Verdict(rawValue: $0.verdict) ?? .notTestable)
      }, uniquingKeysWith: { $0.weight > $1.weight ? $0 : $1 })
    waivers = content.waivers.prefix(200).map { entry in
      let told = entry.waiver
      let waiver = Waiver(
        check: shortened(told.check), owner: shortened(told.owner), reason: shortened(told.reason),
        expires: shortened(told.expires))
      return (waiver, shortened(entry.state))
    }
  }

  var title: String { "\(tier) run \(id)\(trigger.byline), Lobstack \(version)" }

  private struct Content: Decodable {
    struct Run: Decodable {
      var id: String
      var tier: String
      var trigger: String?
      var version: String
    }

    struct Check: Decodable {
      var id: String
      var verdict: String
    }

    struct Waived: Decodable {
      struct Waiver: Decodable {
        var check: String
        var owner: String
        var reason: String
        var expires: String
      }

      var waiver: Waiver
      var state: String
    }

    var run: Run
    var checks: [Check]
    var waivers: [Waived]
  }
}

extension ComplianceReport.Reference {
  init(to record: AuditRecordResource) {
    let parts = record.target.split(separator: " ", maxSplits: 1)
    let isVerification = record.action == "verification.record" && parts.count == 2
    self.init(
      auditIndex: record.index, leafHash: record.leafHash,
      verification: isVerification ? shortened(String(parts[1])) : nil, sha256: record.details["sha256"].map(shortened),
      alert: record.action.hasPrefix("alert.") ? record.details["id"].map(shortened) : nil)
  }
}

/// What others wrote, at most 300 bytes of it: one text must not fill a report.
func shortened(_ text: String) -> String {
  text.utf8.count <= 300 ? text : String(decoding: text.utf8.prefix(300), as: UTF8.self) + "…"
}
