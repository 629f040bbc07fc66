import Foundation
import KubernetesRendering
import Manifests
import Testing

@Suite("What watches a cluster") struct MonitoringRenderingTests {
  @Test("has the rules and the dashboard of one machine") func oneSource() throws {
    let rendering = try Rendering.standard()
    let root = URL(filePath: Rendering.policyDirectory).deletingLastPathComponent().path
    let file = try Manifest.parseOne(
      String(contentsOfFile: "\(root)/deploy/prometheus/lobstack.rules.yaml", encoding: .utf8), source: "rules")
    func rules(_ manifest: Manifest?) -> [[String]] {
      (manifest?["groups"]?.items ?? []).flatMap { $0["rules"]?.items ?? [] }.map { rule in
        ["record", "alert", "expr", "for"].map { rule[$0]?.text ?? "" }
          + (rule["annotations"]?.texts.sorted { $0.key < $1.key }.map(\.value) ?? [])
      }
    }
    #expect(rules(rendering.object("PrometheusRule", "lobstack")?.spec) == rules(file) && rules(file).count > 10)
    let dashboard = try #require(rendering.object("ConfigMap", "lobstack-dashboard"))
    #expect(dashboard.labels["grafana_dashboard"] == "1")
    #expect(
      dashboard.body["data"]?["lobstack.json"]?.text
        == (try String(contentsOfFile: "\(root)/deploy/grafana/lobstack.json", encoding: .utf8)))
  }

  @Test("calls the platform what its rules call it, and is let to no other port") func scrape() throws {
    let rendering = try Rendering.standard()
    let endpoint = try #require(rendering.object("ServiceMonitor", "lobstack")?.spec?["endpoints"]?.items.first)
    let job = endpoint["relabelings"]?.items.first { $0["targetLabel"]?.text == "job" }
    #expect(job?["replacement"]?.text == "lobstack")
    let policy = try #require(rendering.object("NetworkPolicy", "metrics")?.spec)
    let rule = try #require(policy["ingress"]?.items.first)
    #expect(rule["ports"]?.items.compactMap { $0["port"]?.number } == [9464])
    #expect(rule["from"]?.items.count == 1)
  }

  @Test("is not there where there is no Prometheus operator") func lean() throws {
    #expect(!(try Rendering.standard(.lean)).manifests.files.contains { $0.path.hasPrefix("monitoring/") })
  }
}
