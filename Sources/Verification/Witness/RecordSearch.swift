import APIClient
import APIModel
import AgentModel

extension APIClient {
  /// The first record that fits among the last ones: the log of a long-lived platform is long, and what a run of verify
  /// did is at its end.
  ///
  /// - Parameter agent: whose; `nil` for anybody's.
  func recentRecord(
    of agent: AgentID?, fits: (AuditRecordResource) -> Bool
  ) async throws -> AuditRecordResource? {
    let size = try await status().audit?.size ?? 0
    var from = size > 2_000 ? size - 2_000 : 0
    while true {
      let page = try await audit(from: from, limit: 200, AuditQuery(agent: agent))
      if let record = page.items.first(where: fits) { return record }
      guard let next = page.next.flatMap(UInt64.init), next > from else { return nil }
      from = next
    }
  }
}
