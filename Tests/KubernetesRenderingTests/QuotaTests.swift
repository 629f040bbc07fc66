import AgentModel
import Documents
import Foundation
import KubernetesRendering
import Testing

@Suite("A tenant's quota") struct QuotaTests {
  @Test("has room for what runs beside its agents, with and without the mesh", arguments: Rendering.profiles)
  func room(profile: Values.Profile) throws {
    let yaml = "profile: \(profile.rawValue)\ntenants: {acme: {agents: 7, cpu: 10, memory: 20Gi}}"
    let rendering = try Rendering(yaml: yaml)
    let hard = try #require(
      rendering.objects.first { $0.kind == "ResourceQuota" && $0.namespace == "lobstack-agents-acme" }?.spec?["hard"])
    let overhead = try #require(rendering.object("RuntimeClass", "gvisor")?.body["overhead"]?["podFixed"]?.texts)
    let objects = try AgentExample.manifests(try AgentExample.agent(), values: try AgentExample.values(yaml)).objects
    let deployment = try AgentExample.fields(try #require(objects.first { $0.kind == "Deployment" }))
    let template = try #require((deployment["spec"] as? [String: Any])?["template"] as? [String: Any])
    let container = try #require(((template["spec"] as? [String: Any])?["containers"] as? [[String: Any]])?.first)
    let resources = try #require(container["resources"] as? [String: [String: String]])
    let annotations = ((template["metadata"] as? [String: Any])?["annotations"] as? [String: String]) ?? [:]
    let proxies = annotations.filter { $0.key.hasPrefix("sidecar.istio.io/proxy") }
    #expect(proxies.count == (profile == .full ? 4 : 0))
    for (kind, suffix) in [("requests", ""), ("limits", "Limit")] {
      func beside(_ resource: String, _ proxy: String) -> [String] {
        [resources[kind]?[resource], overhead[resource], proxies["sidecar.istio.io/proxy\(proxy)\(suffix)"]]
          .compactMap { $0 }
      }
      let cpus = beside("cpu", "CPU").compactMap { Int($0.dropLast()) }.reduce(0, +)
      let memory = beside("memory", "Memory").compactMap { ByteSize($0)?.bytes }.reduce(0, +)
      #expect(cpus > 100 && hard.texts["\(kind).cpu"] == "\(10_000 + 7 * cpus)m", "\(kind)")
      #expect(ByteSize(hard.texts["\(kind).memory"] ?? "")?.bytes == (20 << 30) + 7 * memory, "\(kind)")
    }
  }

  @Test("is as much as can be said for the largest tenant that a values file can ask for") func largest() throws {
    let rendering = try Rendering(yaml: "tenants: {acme: {agents: 100000, cpu: 999999, memory: 8388607Ti}}")
    let hard = rendering.objects.first { $0.kind == "ResourceQuota" }?.spec?["hard"]?.texts ?? [:]
    #expect(ByteSize(hard["limits.memory"] ?? "")?.bytes ?? 0 >= 8_388_607 << 40)
  }
}
