import APIModel
import AgentModel
import FoundationEssentials
import GRDB

/// A WHERE clause. Only what is asked for stands in it: for a term that may mean nothing, SQLite uses no index.
struct Condition {
  private var terms: [String] = []
  private(set) var arguments = StatementArguments()

  /// - Parameter term: holds a `?` for each value.
  mutating func require(_ term: String, _ values: (any DatabaseValueConvertible)...) {
    terms.append(term)
    arguments += StatementArguments(values)
  }

  var sql: String { terms.isEmpty ? "" : "WHERE " + terms.joined(separator: " AND ") }
}

extension Condition {
  /// Agents that stand behind `after` in the order of tenant and name.
  ///
  /// - Parameter search: part of `tenant/name`, of the image or of a label's `key=value`, in lower case.
  init(tenant: TenantName?, after: AgentID?, search: String?) {
    if let tenant { require("tenant = ?", "\(tenant)") }
    switch (tenant, after) {
    case (let tenant?, let after?) where tenant == after.tenant: require("name > ?", "\(after.name)")
    case (_, let after?): require("(tenant, name) > (?, ?)", "\(after.tenant)", "\(after.name)")
    case (_, nil): break
    }
    guard let search else { return }
    require(
      """
      (instr(tenant || '/' || name, ?) > 0 OR instr(lower(image), ?) > 0 OR EXISTS (
        SELECT 1 FROM json_each(labels) WHERE instr(lower(json_each.key || '=' || json_each.value), ?) > 0))
      """, search, search, search)
  }

  /// The alerts of a filter.
  init(_ filter: AlertFilter, scope: TenantName?) {
    // The signs keep SQLite from the index of tenants, by which it would read all of a tenant's alerts and sort them.
    if let scope { require("+tenant = ?", scope.description) }
    if let tenant = filter.tenant { require("+tenant = ?", tenant.description) }
    if let tenants = filter.tenants {
      // Their names need no escape.
      let list = tenants.sorted().map { "\"\($0)\"" }.joined(separator: ",")
      require("+tenant IN (SELECT value FROM json_each(?))", "[\(list)]")
    }
    if let agent = filter.agent {
      require("+tenant = ?", agent.tenant.description)
      require("name = ?", agent.name.description)
    }
    if let priority = filter.priority { require("rank <= ?", priority.rawValue) }
    if let rule = filter.rule { require("rule = ?", rule) }
    if let since = filter.since { require("time >= ?", since.storedMilliseconds) }
  }
}
