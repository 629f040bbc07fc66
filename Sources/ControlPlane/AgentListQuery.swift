import AgentModel
import Hummingbird

/// Which agents a list is to have.
struct AgentListQuery {
  private static let longestSearch = 256

  var limit: Int
  var tenant: TenantName?
  var cursor: AgentID?
  var phase: AgentPhase?
  var search: String?

  /// - Throws: `Fault(.invalid)` naming the parameter.
  init(_ request: Request) throws {
    limit = try pageLimit(of: request)
    tenant = try parameter("tenant", of: request, rule: TenantName.rule) { TenantName($0) }
    cursor = try parameter("cursor", of: request, rule: "the 'next' of the page before") { AgentID($0) }
    phase = try parameter("phase", of: request, rule: AgentPhase.allCases.map(\.rawValue).joined(separator: ", ")) {
      AgentPhase(rawValue: $0)
    }
    search = try parameter("search", of: request, rule: "1 to \(Self.longestSearch) bytes") {
      (1...Self.longestSearch).contains($0.utf8.count) ? $0 : nil
    }
  }
}
