import APIModel
import AgentModel
import Faults
import FoundationEssentials
import Hummingbird
import KubernetesAPI

extension ClusterAPI {
  func addPlatformRoutes(to router: Router<APIContext>) {
    router.get("/readyz", use: ready)
    router.get("/v1/status", use: platformStatus)
    router.get("/v1/identity", use: whoAmI)
  }

  /// Ready once the agents are known. An API server that is away later is told with each answer: without any replica
  /// nobody would tell.
  @Sendable private func ready(_ request: Request, _ context: APIContext) async throws -> Response {
    try requireList(operation: "take work")
    return try jsonResponse(["status": "ok"])
  }

  @Sendable private func whoAmI(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    return try jsonResponse(IdentityResource(name: principal.name, role: nil, tenant: nil, spiffeID: nil))
  }

  /// Of what the caller may list.
  @Sendable private func platformStatus(_ request: Request, _ context: APIContext) async throws -> Response {
    let operation = "read the platform's status"
    let tenants = try await access.tenants(for: try context.principal, wanted: nil, operation: operation)
    var counts: [String: Int] = [:]
    for (_, agent) in cache.agents(where: { id, _ in tenants.contains(id.tenant) }) {
      counts[agent.phase.rawValue, default: 0] += 1
    }
    let recorder = await recorderState
    return try jsonResponse(
      PlatformStatus(
        version: LobstackVersion.current, instance: "kubernetes",
        components: [
          PlatformStatus.Component(name: "control-plane", state: "ready", detail: "answers"), await clusterComponent,
        ] + (recorder.map { [$0.component] } ?? []),
        agents: counts, audit: recorder?.head))
  }

  private var clusterComponent: PlatformStatus.Component {
    get async {
      let name = "kubernetes"
      do {
        let version = try await client.text(at: "/version")
        let told = (try? APIJSON.decode(Version.self, from: version.utf8))?.gitVersion ?? "of an unknown version"
        if let failure = cache.failure {
          return PlatformStatus.Component(
            name: name, state: "degraded", detail: "\(told); the list of agents may be old: \(failure.reason)")
        }
        return PlatformStatus.Component(name: name, state: "ready", detail: told)
      } catch {
        return PlatformStatus.Component(name: name, state: "down", detail: "\((error as? Fault)?.reason ?? "\(error)")")
      }
    }
  }

  private struct Version: Decodable {
    var gitVersion: String
  }
}
