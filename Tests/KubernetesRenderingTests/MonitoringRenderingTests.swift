import ChildProcess
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

  @Test("finds the operator's Pods by a Service, where they answer, and may ask them in the mesh") func operators()
    throws
  {
    let rendering = try Rendering.standard()
    let monitor = try #require(rendering.object("ServiceMonitor", "lobstack")?.spec)
    let service = try #require(rendering.object("Service", "operator-metrics"))
    #expect(try monitor["namespaceSelector"]?["matchNames"]?.strings().contains(service.namespace ?? "") == true)
    let wanted = monitor["selector"]?["matchLabels"]?.texts ?? [:]
    #expect(!wanted.isEmpty && wanted.allSatisfy { service.labels[$0.key] == $0.value })
    let port = try #require(service.spec?["ports"]?.items.first)
    #expect(port["name"]?.text == monitor["endpoints"]?.items.first?["port"]?.text)
    let container = try #require(rendering.object("Deployment", "operator")?.containers.first)
    let target = container["ports"]?.items.first { $0["name"]?.text == port["targetPort"]?.text }?["containerPort"]?
      .number
    // Where NetworkPolicies and the mesh let Prometheus through, and where the program answers.
    let arguments = try #require(try container["args"]?.strings())
    #expect(target == 9464 && arguments.contains("0.0.0.0:9464"))
    let rule = try #require(rendering.object("AuthorizationPolicy", "metrics")?.spec?["rules"]?.items.first)
    #expect(try rule["to"]?.items.first?["operation"]?["ports"]?.strings() == ["9464"])
    #expect(
      try rule["from"]?.items.first?["source"]?["principals"]?.strings() == [
        "cluster.local/ns/lobstack-monitoring/sa/*"
      ])
  }

  @Test("finds the sentinels' Pods by a Service in their namespace, and is let out to them and in") func sentinels()
    throws
  {
    let rendering = try Rendering.standard()
    let monitor = try #require(rendering.object("ServiceMonitor", "lobstack")?.spec)
    let service = try #require(rendering.object("Service", "sentinel-metrics"))
    #expect(service.namespace == "lobstack-sentinel")
    #expect(try monitor["namespaceSelector"]?["matchNames"]?.strings().contains("lobstack-sentinel") == true)
    let port = try #require(service.spec?["ports"]?.items.first)
    #expect(port["name"]?.text == monitor["endpoints"]?.items.first?["port"]?.text)
    let container = try #require(rendering.object("DaemonSet", "sentinel")?.containers.first)
    let target = container["ports"]?.items.first { $0["name"]?.text == port["targetPort"]?.text }
    #expect(target?["containerPort"]?.number == 9464)
    #expect(try container["args"]?.strings().contains("0.0.0.0:9464") == true)
    let door = try #require(rendering.object("NetworkPolicy", "sentinel-metrics")?.spec?["ingress"]?.items.first)
    #expect(door["ports"]?.items.compactMap { $0["port"]?.number } == [9464])
    let way = try #require(rendering.object("NetworkPolicy", "prometheus")?.spec?["egress"]?.items.first)
    let places = (way["to"]?.items ?? []).compactMap {
      $0["namespaceSelector"]?["matchLabels"]?["kubernetes.io/metadata.name"]?.text
    }
    #expect(places == ["lobstack-control-plane", "lobstack-sentinel"])
  }

  @Test("finds every program that has a port for it") func everyProgram() throws {
    let rendering = try Rendering.standard()
    let monitor = try #require(rendering.object("ServiceMonitor", "lobstack")?.spec)
    let port = try #require(monitor["endpoints"]?.items.first?["port"]?.text)
    let wanted = monitor["selector"]?["matchLabels"]?.texts ?? [:]
    let watched = try #require(try monitor["namespaceSelector"]?["matchNames"]?.strings())
    let services = rendering.objects.filter { service in
      service.kind == "Service" && watched.contains(service.namespace ?? "")
        && wanted.allSatisfy { service.labels[$0.key] == $0.value }
    }
    let programs = rendering.objects.filter { program in
      program.containers.contains { ($0["ports"]?.items ?? []).contains { $0["name"]?.text == port } }
    }
    #expect(Set(programs.map(\.name)) == ["control-plane", "name-server", "operator", "recorder", "sentinel"])
    for program in programs {
      let labels = program.spec?["template"]?["metadata"]?["labels"]?.texts ?? [:]
      let found = services.filter { service in
        let selector = service.spec?["selector"]?.texts ?? [:]
        let ports = service.spec?["ports"]?.items ?? []
        return service.namespace == program.namespace && !selector.isEmpty
          && selector.allSatisfy { labels[$0.key] == $0.value }
          && ports.contains { $0["name"]?.text == port && $0["targetPort"]?.text == port }
      }
      #expect(found.count == 1, "\(program.name) is scraped \(found.count) times")
    }
  }

  @Test("tells when no operator leads, by rules that promtool takes") func absent() async throws {
    let spec = try #require(try Rendering.standard().object("PrometheusRule", "lobstack-cluster")?.spec)
    let alerts = (spec["groups"]?.items ?? []).flatMap { $0["rules"]?.items ?? [] }
    let absent = try #require(alerts.first { $0["alert"]?.text == "LobstackOperatorAbsent" })
    #expect(absent["expr"]?.text == "absent(lobstack_operator_leader == 1)")
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool") else { return }
    let rules = try alerts.map { alert in
      let (name, expression) = (try #require(alert["alert"]?.text), try #require(alert["expr"]?.text))
      return "  - {alert: \(name), expr: '\(expression)', for: \(alert["for"]?.text ?? "")}\n"
    }
    let file = FileManager.default.temporaryDirectory.appending(path: "rules-\(UInt32.random(in: .min ... .max)).yaml")
    defer { try? FileManager.default.removeItem(at: file) }
    try "groups:\n- name: own\n  rules:\n\(rules.joined())".write(to: file, atomically: true, encoding: .utf8)
    try await Command("/usr/bin/promtool", ["check", "rules", file.path]).check()
  }

  @Test("is not there where there is no Prometheus operator") func lean() throws {
    #expect(!(try Rendering.standard(.lean)).manifests.files.contains { $0.path.hasPrefix("monitoring/") })
  }
}
