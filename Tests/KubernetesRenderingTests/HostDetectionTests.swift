import Manifests
import Testing

@testable import KubernetesRendering

@Suite("Falco on a cluster's nodes") struct HostDetectionTests {
  private func data(_ yaml: String) throws -> [String: String] {
    let file = try Rendering(yaml: yaml).manifests.files.first { $0.path == "detection/falco-rules.yaml" }
    guard case .objects(let objects) = file?.content, let map = objects.first as? ConfigMap else { return [:] }
    return map.data
  }

  @Test("has the policy's rules as they stand, and no samples") func rules() throws {
    let files = try data("")
    let texts = try Rendering.policy.get().texts.texts.filter { $0.key.wholeMatch(of: /falco\/[^\/]+\.yaml/) != nil }
    #expect(texts.count == 4)
    #expect(
      files.filter { $0.key != "zz_cluster.yaml" }
        == Dictionary(
          uniqueKeysWithValues: texts.map { (String($0.key.dropFirst("falco/".count)), $0.value) }))
  }

  @Test("is told where the API server is by a file that comes last") func override() throws {
    let files = try data("network: {apiServers: [192.0.2.10/32, 192.0.2.11/32, 198.51.100.0/28]}")
    #expect(files.keys.max() == "zz_cluster.yaml")
    let item = try #require(
      try Manifest.parse(files["zz_cluster.yaml"] ?? "", source: "f").first?.list().first)
    #expect(item["list"]?.text == "k8s_api_ips" && item["override"]?["items"]?.text == "append")
    #expect(try item["items"]?.strings() == ["\"192.0.2.10\"", "\"192.0.2.11\""])
    #expect(try data("network: {apiServers: [198.51.100.0/28]}")["zz_cluster.yaml"] == nil)
  }

  @Test("runs by eBPF, with the rules of the ConfigMap and no others") func values() throws {
    let values = try Manifest.parseOne(
      try #require(try Rendering.of(.full).text("helm/falco-values.yaml")), source: "v")
    #expect(values["driver"]?["kind"]?.text == "modern_ebpf")
    #expect(values["driver"]?["modernEbpf"]?["leastPrivileged"]?.flag == true)
    #expect(values["falcosidekick"]?["enabled"]?.flag == false)
    let mount = try #require(values["mounts"]?["volumeMounts"]?.items.first?["mountPath"]?.text)
    #expect(try values["falco"]?["rules_files"]?.strings() == [mount])
    #expect(values["mounts"]?["volumes"]?.items.first?["configMap"]?["name"]?.text == "falco-rules")
    #expect(values["falco"]?["rule_matching"]?.text == "all" && values["falco"]?["json_output"]?.flag == true)
  }
}
