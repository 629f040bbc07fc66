import AgentModel
import Faults

/// Decides what a caller may do by the cluster's own authorizers: rights on `agents.lobstack.dev` in the namespace of the
/// tenant. Whoever may do it with kubectl may do it here.
struct ClusterAccess: Sendable {
  static let group = "lobstack.dev"

  /// As RBAC calls them.
  enum Verb: String, Hashable, Sendable {
    case get, list, create, update, delete
  }

  /// What an agent has beside itself; the API server serves none of them.
  enum Subresource: String, Hashable, Sendable {
    case log, exec, alerts, denials, audit
    /// Its ports.
    case proxy
  }

  struct Question: Hashable, Sendable {
    var user: ClusterUser
    var verb: Verb
    var subresource: Subresource?
    /// `nil` for all of them.
    var namespace: String?
    var name: AgentName?
  }

  /// The namespaces of the tenants.
  let namespaces: [TenantName: String]
  let questions: ClusterQuestions
  let audit: ClusterAudit
  private let decisions = ShortCache<Question, Bool>(life: .seconds(5))
  /// Nobody may fill the log with what is refused to him.
  private let recorded = RateLimiter(rate: 1, burst: 20)

  init(namespaces: [TenantName: String], questions: ClusterQuestions, audit: ClusterAudit) {
    self.namespaces = namespaces
    self.questions = questions
    self.audit = audit
  }

  /// The namespace of an agent, if the caller may do that to it there.
  ///
  /// - Throws: `Fault(.notFound)` for an agent that the caller may not see, whether it is there or not; `Fault(.denied)`
  ///   for one that it may see.
  func require(
    _ verb: Verb, _ subresource: Subresource? = nil, on agent: AgentID, of principal: Principal, operation: String
  ) async throws -> String {
    guard let namespace = namespaces[agent.tenant] else { throw Access.unknown(agent, operation: operation) }
    if try await allows(verb, subresource, in: namespace, agent.name, principal) { return namespace }
    let isSeen =
      verb == .get && subresource == nil ? false : try await allows(.get, in: namespace, agent.name, principal)
    try await refuse(principal, operation: operation, reason: isSeen ? "right" : "tenant")
    guard isSeen else { throw Access.unknown(agent, operation: operation) }
    throw denied(principal, verb, subresource, namespace, operation: operation)
  }

  /// The namespace in which the caller may make an agent.
  func requireCreation(of agent: AgentID, by principal: Principal, operation: String) async throws -> String {
    let namespace = namespaces[agent.tenant]
    // Whoever may not everywhere is told nothing of which tenants there are.
    guard try await allows(.create, in: namespace, nil, principal) else {
      try await refuse(principal, operation: operation, reason: "right")
      throw denied(principal, .create, nil, "the tenant \(agent.tenant)", operation: operation)
    }
    guard let namespace else {
      throw Fault(
        .notFound, operation: operation, reason: "there is no tenant \(agent.tenant)",
        remedy: "add it to 'tenants' of the values, render them and apply what is rendered")
    }
    return namespace
  }

  /// The tenants whose agents, or what they have beside them, the caller may list.
  func tenants(
    for principal: Principal, wanted: TenantName?, _ subresource: Subresource? = nil, operation: String
  ) async throws -> Set<TenantName> {
    let all = Set(namespaces.keys.filter { wanted == nil || wanted == $0 })
    let seen = try await listable(all, subresource, for: principal)
    // Of a tenant that is named, nothing tells whether it is there.
    guard seen.isEmpty, wanted == nil else { return seen }
    try await refuse(principal, operation: operation, reason: "right")
    throw Fault(
      .denied, operation: operation,
      reason: "\(principal.name) may not list \(Self.resource(subresource)).\(Self.group) of any tenant",
      remedy: "bind the ClusterRole lobstack-agent-viewer in the tenant's namespace")
  }

  /// Those of the tenants whose agents, or what they have beside them, the caller may list; that he may not is no
  /// refusal of anything.
  func listable(
    _ tenants: Set<TenantName>, _ subresource: Subresource? = nil, for principal: Principal
  ) async throws -> Set<TenantName> {
    if try await allows(.list, subresource, in: nil, nil, principal) { return tenants }
    return try await Self.tenants(of: namespaces.filter { tenants.contains($0.key) }) {
      try await allows(.list, subresource, in: $0, nil, principal)
    }
  }

  /// The tenants of whose agents the caller may list what they have beside them; `nil` for all, and for what is of none.
  func scope(
    for principal: Principal, wanted: TenantName?, _ subresource: Subresource, operation: String
  ) async throws -> Set<TenantName>? {
    if try await allows(.list, subresource, in: nil, nil, principal) { return nil }
    return try await tenants(for: principal, wanted: wanted, subresource, operation: operation)
  }

  /// What is of no tenant.
  func requireEverywhere(
    _ verb: Verb, _ subresource: Subresource, of principal: Principal, operation: String
  ) async throws {
    guard try await !allows(verb, subresource, in: nil, nil, principal) else { return }
    try await refuse(principal, operation: operation, reason: "right")
    throw Fault(
      .denied, operation: operation,
      reason:
        "\(principal.name) may not \(verb.rawValue) \(Self.resource(subresource)).\(Self.group) in the whole cluster",
      remedy: "give that right by a ClusterRoleBinding, as to the ClusterRole lobstack-auditor")
  }

  /// Asked at once about a caller: a hundred tenants are no hundred answers one after the other, nor a hundred requests
  /// that the API server has to hold back others for.
  static let questionsAtOnce = 8

  /// Those in whose namespaces it is so.
  static func tenants(
    of namespaces: [TenantName: String], where isAllowed: @escaping @Sendable (_ namespace: String) async throws -> Bool
  ) async throws -> Set<TenantName> {
    try await withThrowingTaskGroup(of: TenantName?.self) { group in
      var found: Set<TenantName> = []
      for (number, (tenant, namespace)) in namespaces.enumerated() {
        if number >= questionsAtOnce, let answer = try await group.next() ?? nil { found.insert(answer) }
        group.addTask { try await isAllowed(namespace) ? tenant : nil }
      }
      for try await answer in group { if let answer { found.insert(answer) } }
      return found
    }
  }

  private func allows(
    _ verb: Verb, _ subresource: Subresource? = nil, in namespace: String?, _ name: AgentName?, _ principal: Principal
  ) async throws -> Bool {
    guard case .user(let user) = principal.kind else { return false }
    let question = Question(user: user, verb: verb, subresource: subresource, namespace: namespace, name: name)
    if let decision = decisions.value(of: question) { return decision }
    let decision = try await questions.allows(question)
    decisions.set(decision, of: question)
    return decision
  }

  private func denied(
    _ principal: Principal, _ verb: Verb, _ subresource: Subresource?, _ place: String, operation: String
  ) -> Fault {
    return Fault(
      .denied, operation: operation,
      reason: "\(principal.name) may not \(verb.rawValue) \(Self.resource(subresource)).\(Self.group) in \(place)",
      remedy: "give that right by a RoleBinding, as to the ClusterRole lobstack-agent-editor")
  }

  private static func resource(_ subresource: Subresource?) -> String {
    subresource.map { "agents/\($0.rawValue)" } ?? "agents"
  }

  private func refuse(_ principal: Principal, operation: String, reason: String) async throws {
    guard recorded.take(principal.key) == nil else { return }
    try await audit.require(
      AuditEvent(
        actor: principal.name, action: "access", target: operation, outcome: "denied", details: ["reason": reason]))
  }
}
