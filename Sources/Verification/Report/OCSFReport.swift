import APIModel
import Foundation

extension VerificationReport {
  /// The report for a SIEM: each check as a Compliance Finding of OCSF 1.3.0 (schema.ocsf.io/1.3.0/classes/
  /// compliance_finding), a line of JSON. What was not proven and is accepted by a person is a suppressed failure.
  ///
  /// - Returns: Nothing for checks that no run made: an event has a time.
  /// - Throws: what the encoder throws.
  package func ocsf(version: String) throws -> String {
    guard let run, let start = try? Date(run.startedAt, strategy: .iso8601) else { return "" }  // no run, no time
    return try checks.map { check in
      let waiver = waivers.first { $0.waiver.check == check.id && $0.state == .applied }?.waiver
      let finding = ComplianceFinding(check, of: run, at: start, version: version, waiver: waiver)
      return String(decoding: try APIJSON.encode(finding), as: UTF8.self) + "\n"
    }.joined()
  }
}

private struct ComplianceFinding: Encodable {
  var activity_id = 1  // create
  var category_uid = 2
  var class_uid = 2003
  var type_uid = 200_301
  var severity_id: Int
  var status_id: Int
  /// Milliseconds since 1970.
  var time: Int64
  var metadata: Metadata
  var finding_info: Info
  var compliance: Compliance
  var resources: [Resource]
  var unmapped: Unmapped

  struct Metadata: Encodable {
    var version = OCSFProduct.schemaVersion
    var product: OCSFProduct
    var uid: String
    /// The run that the event is of.
    var correlation_uid: String
  }

  struct Info: Encodable {
    /// The same in every run, so that a reader knows the check again.
    var uid: String
    var title: String
    var desc: String
    var created_time: Int64
  }

  struct Compliance: Encodable {
    var standards = ["AICPA Trust Services Criteria"]
    var requirements: [String]
    var control: String
    var status_id: Int
    var status: String
    var status_detail: String
  }

  struct Resource: Encodable {
    var name: String
    var type = "Lobstack instance"
  }

  struct Unmapped: Encodable {
    var verdict: Verdict
    var prevented: Bool?
    var detected: CheckReport.Detection?
    var audited: Bool?
    var responded: Bool?
    var waiver: Waiver?
  }

  init(_ check: CheckReport, of run: VerificationRun, at start: Date, version: String, waiver: Waiver?) {
    let evidence = check.evidence.isEmpty ? "no evidence" : check.evidence.joined(separator: "\n")
    let end = start.addingTimeInterval(Double(run.durationMs) / 1000)
    time = Int64((end.timeIntervalSince1970 * 1000).rounded(.down))
    // Severity: informational, low, medium, high. Status: new, suppressed, resolved. Result: pass, warning, fail.
    let result: (id: Int, name: String)
    switch check.verdict {
    case .proven: (severity_id, status_id, result) = (1, 4, (1, "Pass"))
    case .waived: (severity_id, status_id, result) = (2, 3, (3, "Fail"))
    case .notTestable: (severity_id, status_id, result) = (3, 1, (2, "Warning"))
    case .failed: (severity_id, status_id, result) = (4, 1, (3, "Fail"))
    }
    metadata = Metadata(product: OCSFProduct(version: version), uid: "\(run.id)/\(check.id)", correlation_uid: run.id)
    finding_info = Info(
      uid: "\(run.instance)/\(check.id)", title: check.title, desc: evidence, created_time: time)
    compliance = Compliance(
      requirements: check.criteria, control: check.id, status_id: result.id, status: result.name,
      status_detail: check.verdict.rawValue)
    resources = [Resource(name: run.instance)]
    unmapped = Unmapped(
      verdict: check.verdict, prevented: check.prevented, detected: check.detected, audited: check.audited,
      responded: check.responded, waiver: waiver)
  }
}
