import APIModel
import AgentModel
import Blueprint
import ClusterAgents
import Faults
import FoundationEssentials
import HTTPTypes
import Hummingbird
import JSONValues
import KubernetesAPI

extension ClusterAPI {
  func addUsageRoute(to router: Router<APIContext>) {
    router.get("/v1/tenants/{tenant}/agents/{name}/usage", use: readUsage)
  }

  /// What the cluster's metrics server, or another that serves its API, measured last.
  private static let metrics = ResourceType(group: "metrics.k8s.io", version: "v1beta1", plural: "pods")

  @Sendable private func readUsage(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try agentID(context)
    let operation = "read what agent \(id) uses"
    let agent = try await agents.find(id, .get, by: try context.principal, operation: operation)
    _ = try integer("limit", of: request, in: 1...UsageHistory.kept, default: UsageHistory.kept)
    do {
      let told = try await asked(operation) {
        try await client.get(Self.metrics, agent.key.name, namespace: agent.key.namespace)
      }
      let pod = try await asked(operation) { try await self.pod(of: agent) }
      return try jsonResponse(UsageResource(told, pod: agent.owns(pod) ? pod : nil, container: Blueprint.container))
    } catch let fault as Fault where fault.code == .notFound {
      // It does not run, or was not measured yet.
      return try jsonResponse(UsageResource(nil, pod: nil, container: Blueprint.container))
    } catch let fault as Fault where fault.code == .unsupported {
      throw HTTPFault(
        status: .notImplemented,
        fault: Fault(
          .unsupported, operation: operation, reason: "the cluster does not serve \(Self.metrics)",
          remedy: "install metrics-server, or ask your monitoring"))
    }
  }

  /// - Throws: `Fault(.notFound)` while there is none of its name.
  func pod(of agent: AgentObject) async throws -> KubernetesObject {
    try await client.get(ResourceType(plural: "pods"), agent.key.name, namespace: agent.key.namespace)
  }
}

extension UsageResource {
  /// Between two measurements of metrics-server, by its default.
  private static let seconds = 15

  /// One sample at most, which is all that the cluster has; how many tasks there are it does not know.
  ///
  /// - Parameters:
  ///   - metrics: a PodMetrics (`metrics.k8s.io/v1beta1`); `nil` where there is none.
  ///   - pod: the agent's own; of another nothing is told.
  init(_ metrics: KubernetesObject?, pod: KubernetesObject?, container: String) {
    func own(_ containers: JSON?) -> JSON? { containers?.array?.first { $0["name"]?.string == container } }
    let usage = own(metrics?["containers"])?["usage"]
    let limits = own(pod?["spec", "containers"])?["resources"]?["limits"]
    var samples: [Sample] = []
    if pod != nil, let time = metrics?["timestamp"]?.string.flatMap(APIJSON.date),
      let memory = usage?["memory"]?.string.flatMap({ ByteSize($0) })
    {
      samples = [
        Sample(time: time, cpus: usage?["cpu"]?.string.flatMap(cpus), memoryBytes: memory.bytes, tasks: nil)
      ]
    }
    self.init(
      intervalSeconds: Self.seconds,
      limits: samples.isEmpty
        ? Limits()
        : Limits(
          cpus: limits?["cpu"]?.string.flatMap(cpus),
          memoryBytes: limits?["memory"]?.string.flatMap { ByteSize($0)?.bytes }), samples: samples)
  }
}

/// CPUs' worth of time as a quantity of Kubernetes: `250m`, `1234567n`, `2`; to a thousandth.
func cpus(_ text: String) -> Double? {
  let units: [Character: Double] = ["n": 1e9, "u": 1e6, "m": 1e3]
  let unit = text.last.flatMap { units[$0] }
  let digits = unit == nil ? Substring(text) : text.dropLast()
  guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
    let number = Int64(digits)
  else { return nil }
  return (Double(number) / (unit ?? 1) * 1000).rounded() / 1000
}
