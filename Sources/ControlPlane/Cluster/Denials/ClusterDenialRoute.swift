import APIModel
import AgentModel
import ClusterAgents
import Faults
import FoundationEssentials
import Hummingbird
import JSONValues
import KubernetesAPI

extension ClusterAPI {
  func addDenialRoute(to router: Router<APIContext>) {
    router.get("/v1/denials", use: listDenials)
  }

  /// Nobody keeps denials on a cluster but the logs of who refused them: they are read with each request.
  @Sendable private func listDenials(_ request: Request, _ context: APIContext) async throws -> Response {
    let operation = "list denials"
    let limit = try pageLimit(of: request)
    let cursor: Int64? = try parameter("cursor", of: request, rule: "the 'next' of the page before", wholeNumber)
    let agent = try parameter("agent", of: request, rule: AgentID.rule) { AgentID($0) }
    let principal = try context.principal
    let scope = try await access.scope(
      for: principal, wanted: agent?.tenant, .denials, operation: operation)
    // Whoever may list none of the tenant that is named is told of none.
    if let scope, scope.isEmpty { return try jsonResponse(Page<DenialResource>(items: [])) }
    try requireList(operation: operation)
    // Each takes memory and many requests: a few of a caller at a time.
    let (slot, _) = try denialReaders.take(principal, operation: operation)
    defer { denialReaders.giveBack(slot) }
    let denials = try await asked(operation) {
      if let agent { try await self.denials(of: agent) } else { try await self.denials(scope) }
    }
    var page = Page(of: denials, after: cursor.map { DenialPlace($0) }, limit: limit)
    for index in page.items.indices { page.items[index].remedy = remedy(for: page.items[index]) }
    return try jsonResponse(page)
  }

  private func denials(of agent: AgentID) async throws -> [DenialResource] {
    guard let namespace = access.namespaces[agent.tenant] else { return [] }
    let end = DenialLogs.end()
    let gateways = try await denialLogs.gateways(of: [agent], in: namespace)
    var denials = await denialLogs.read(
      try await denialLogs.nameServers(for: agent) + gateways, lines: .ofOne, until: end)
    // What an earlier gateway wrote went with it.
    if let began = gateways.compactMap(\.began).min(), let made = cache.agent(agent)?.created,
      began.timeIntervalSince(made) > Self.firstStart
    {
      denials.append(
        .unread(
          agent: agent, at: began,
          "its gateway began anew then: what it refused before is in no log that the cluster has"))
    }
    return denials
  }

  /// Longer than this after the agent was made, in seconds, its gateway is not its first.
  private static let firstStart: TimeInterval = 300

  /// - Parameter scope: the tenants whose are wanted; `nil` for all, and for what is nobody's.
  private func denials(_ scope: Set<TenantName>?) async throws -> [DenialResource] {
    let end = DenialLogs.end()
    var denials = await denialLogs.read(try await denialLogs.nameServers(for: nil), lines: .init(), until: end)
    if let scope {
      denials.removeAll { denial in
        guard let tenant = denial.agent?.tenant else { return denial.rule != DenialResource.unreadRule }
        return !scope.contains(tenant)
      }
    }
    // Who was refused a name lately is likelier to have been refused a call.
    let named = Set(denials.sorted { $0.time > $1.time }.compactMap(\.agent).prefix(1_000))
    let all = cache.agents { id, _ in scope?.contains(id.tenant) ?? true }.map(\.id)
    let wanted = (all.filter(named.contains) + all.filter { !named.contains($0) }).prefix(DenialLogs.mostGateways)
    for (tenant, agents) in Dictionary(grouping: wanted, by: \.tenant) {
      guard let namespace = access.namespaces[tenant] else { continue }
      let gateways = try await denialLogs.gateways(of: agents, in: namespace)
      denials += await denialLogs.read(gateways, lines: .init(), until: end)
    }
    if all.count > wanted.count {
      denials.append(
        .unread(
          agent: nil, at: .now,
          "the gateways of \(all.count - wanted.count) agents were not asked, which would take too long: "
            + "name an agent, as by 'lobstack denials --agent'"))
    }
    return denials
  }

  private func remedy(for denial: DenialResource) -> String? {
    // One that is gone, or is not right as it stands, would not be helped by a line.
    guard let id = denial.agent, let agent = try? cache.agent(id)?.agent(tenant: id.tenant) else { return nil }
    return denial.remedy(of: agent) {
      "bao kv put secret/\(SecretReference(tenant: id.tenant, agent: nil, name: $0).path) value=-"
    }
  }
}

extension AgentObject {
  var created: Date? { object["metadata", "creationTimestamp"]?.string.flatMap(APIJSON.date) }
}
