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
    // Each takes memory and many requests: a few at a time, and fewer of a caller.
    let (slot, _) = try denialReaders.take(principal, operation: operation)
    defer { denialReaders.giveBack(slot) }
    let place = cursor.map { DenialPlace($0) }
    let window = DenialWindow(after: place, limit: limit, tenants: scope)
    let denials = try await asked(operation) {
      if let agent { try await self.denials(of: agent, window) } else { try await self.denials(window) }
    }
    var page = Page(of: denials, after: place, limit: limit)
    // A remedy tells what stands in the agent's document.
    let seen = try await access.listable(Set(page.items.compactMap(\.agent?.tenant)), for: principal)
    addRemedies(to: &page.items, ofTenants: seen)
    return try jsonResponse(page)
  }

  private func denials(of agent: AgentID, _ window: DenialWindow) async throws -> [DenialResource] {
    guard let namespace = access.namespaces[agent.tenant] else { return [] }
    let end = DenialLogs.end()
    let gateways = try await denialLogs.gateways(of: [agent], in: namespace, until: end)
    let nameServers = try await denialLogs.nameServers(for: agent, until: end)
    var denials = await denialLogs.read(nameServers + gateways, lines: .ofOne, window, until: end).denials
    // What the gateway of an earlier Pod wrote went with that; of an earlier one in this Pod it is told already.
    if let began = gateways.filter({ !$0.isLater }).compactMap(\.began).min(), let made = cache.agent(agent)?.created,
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

  private func denials(_ window: DenialWindow) async throws -> [DenialResource] {
    let end = DenialLogs.end()
    let nameServers = try await denialLogs.nameServers(for: nil, until: end)
    var told = await denialLogs.read(nameServers, lines: .init(), window, until: end)
    // Who was refused a name lately is likelier to have been refused a call.
    let all = cache.agents { id, _ in window.tenants?.contains(id.tenant) ?? true }.map(\.id)
    let lately = told.agents.filter { window.tenants?.contains($0.key.tenant) ?? true }
    let named = Set(lately.sorted { $0.value > $1.value }.prefix(1_000).map(\.key))
    let wanted = (all.filter(named.contains) + all.filter { !named.contains($0) }).prefix(DenialLogs.mostGateways)
    var unasked = all.count - wanted.count
    for (tenant, agents) in Dictionary(grouping: wanted, by: \.tenant) {
      guard let namespace = access.namespaces[tenant] else { continue }
      do {
        let gateways = try await denialLogs.gateways(of: agents, in: namespace, until: end)
        told.add(await denialLogs.read(gateways, lines: .init(), window, until: end), in: window)
      } catch is Fault where ContinuousClock.now >= end {
        unasked += agents.count
      }
    }
    guard unasked > 0 else { return told.denials }
    return told.denials + [
      .unread(
        agent: nil, at: .now,
        "the gateways of \(unasked) agents were not asked, which would take too long: "
          + "name an agent, as by 'lobstack denials --agent'")
    ]
  }

  func addRemedies(to denials: inout [DenialResource], ofTenants seen: Set<TenantName>) {
    for index in denials.indices where denials[index].agent.map({ seen.contains($0.tenant) }) ?? false {
      denials[index].remedy = remedy(for: denials[index])
    }
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
