import APIModel
import AgentModel
import FoundationEssentials
import GRDB

/// The WHERE clause that finds the alerts of a filter. Only what is asked for stands in it, so that SQLite can use an
/// index.
struct AlertCondition {
  private var terms: [String] = []
  private(set) var arguments = StatementArguments()

  init(_ filter: AlertFilter, scope: TenantName?) {
    if let scope { require("tenant = ?", scope.description) }
    if let tenant = filter.tenant { require("tenant = ?", tenant.description) }
    if let agent = filter.agent {
      require("tenant = ?", agent.tenant.description)
      require("name = ?", agent.name.description)
    }
    if let priority = filter.priority { require("rank <= ?", priority.rawValue) }
    if let rule = filter.rule { require("rule = ?", rule) }
    if let since = filter.since { require("time >= ?", since.storedMilliseconds) }
  }

  /// - Parameter term: holds one `?` for the value.
  mutating func require(_ term: String, _ value: some DatabaseValueConvertible) {
    terms.append(term)
    arguments += [value]
  }

  var sql: String { terms.isEmpty ? "" : "WHERE " + terms.joined(separator: " AND ") }
}
