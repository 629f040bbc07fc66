import APIModel
import AgentModel
import Faults
import FoundationEssentials
import Hummingbird

/// Answers what is asked of an audit log by those who may.
struct AuditReading: Sendable {
  static let proving = "prove an audit record"

  let log: any AuditAppending

  /// Records that one request looks at, so that a filter that nothing passes does not read the whole log at once.
  private static let mostScanned = 20_000

  func page(_ request: Request) async throws -> Response {
    let limit = try pageLimit(of: request)
    let query = try auditQuery(request)
    let order = try parameter("order", of: request, rule: "oldest or newest") { AuditOrder(rawValue: $0) } ?? .oldest
    // `cursor` is what every listing calls it, `from` what an auditor means.
    let rule = "a whole number"
    let from: UInt64? =
      try parameter("cursor", of: request, rule: rule, wholeNumber)
      ?? parameter("from", of: request, rule: rule, wholeNumber)
    let head = try await log.head()
    let (first, size) = (head.first ?? 0, head.size)
    var items: [AuditRecordResource] = []
    // What is not looked at yet, from the end that comes first.
    var rest =
      order == .oldest
      ? min(max(from ?? 0, first), size)..<size : first..<max(first, from.map { $0 < size ? $0 + 1 : size } ?? size)
    var scanned = 0
    // Of the first record that there is, once it was looked at.
    var beginning: Date?
    let step = UInt64(query.isEmpty ? limit : APIProtocol.longestPage)
    while items.count < limit, !rest.isEmpty, scanned < Self.mostScanned {
      let count = min(step, UInt64(rest.count))
      let start = order == .oldest ? rest.lowerBound : rest.upperBound - count
      let records = try await log.page(from: start, limit: Int(count))
      guard !records.isEmpty else { break }
      for record in order == .oldest ? records : records.reversed() where items.count < limit {
        rest = order == .oldest ? (record.index + 1)..<rest.upperBound : first..<record.index
        if record.index == first { beginning = record.time }
        scanned += 1
        if query.matches(record) { items.append(record) }
      }
    }
    let next = order == .oldest ? rest.lowerBound : rest.upperBound &- 1
    // Silence would say that there is nothing before.
    let reachesArchive = first > 0 && (order == .oldest ? from ?? 0 < first : rest.isEmpty)
    let wantsArchive = query.since.flatMap { since in beginning.map { since < $0 } } ?? true
    let asked = min(from ?? .max, first - min(first, 1))
    let archived = log.segment(of: asked).map { ArchivedRecords(before: first, segment: $0) }
    return try jsonResponse(
      Page(
        items: items, next: rest.isEmpty ? nil : "\(next)", archived: reachesArchive && wantsArchive ? archived : nil))
  }

  private func auditQuery(_ request: Request) throws -> AuditQuery {
    func text(_ name: String) throws -> String? { try parameter(name, of: request, rule: "a text") { $0 } }
    func time(_ name: String) throws -> Date? {
      try parameter(name, of: request, rule: "a time, as 2026-01-31T12:00:00Z (RFC 3339)") { APIJSON.date($0) }
    }
    return AuditQuery(
      agent: try parameter("agent", of: request, rule: AgentID.rule) { AgentID($0) }, actor: try text("actor"),
      action: try parameter("action", of: request, rule: AuditActionPattern.rule) { AuditActionPattern($0) },
      target: try text("target"), outcome: try text("outcome"), since: try time("since"), until: try time("until"))
  }

  func proof(_ request: Request) async throws -> Response {
    let operation = Self.proving
    guard let index: UInt64 = try parameter("index", of: request, rule: "the record's number", wholeNumber) else {
      throw Fault(
        .invalid, operation: operation, reason: "the query parameter 'index' is missing",
        remedy: "give the record's number")
    }
    let size = try await log.head().size
    guard index < size else {
      throw Fault(
        .notFound, operation: operation, reason: "the log has \(size) records, none with number \(index)",
        remedy: "give a number below \(size)")
    }
    return try jsonResponse(try await log.proof(index: index))
  }
}
