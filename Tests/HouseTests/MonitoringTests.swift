import Foundation
import Testing

/// What is shipped for Prometheus and Grafana, against docs/reference/metrics.md; that page is compared with the program
/// by the tests of its metrics.
@Suite("What is shipped for Prometheus and Grafana") struct MonitoringTests {
  private static let rules = "deploy/prometheus/lobstack.rules.yaml"
  private static let dashboard = "deploy/grafana/lobstack.json"
  static let hasPromtool = FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")

  @Test("is what promtool takes: rules, their tests, the example", .enabled(if: hasPromtool, "run scripts/setup"))
  func promtool() throws {
    for arguments in [
      ["check", "rules", "--lint-fatal", Self.rules], ["test", "rules", "deploy/prometheus/lobstack.rules.test.yaml"],
      ["check", "config", "--syntax-only", "deploy/prometheus/prometheus.yaml"],
    ] {
      let (code, output) = try House.run(["promtool"] + arguments, environment: ["PATH": "/usr/bin:/bin"])
      #expect(code == 0, "promtool \(arguments): \(String(decoding: output, as: UTF8.self))")
    }
  }

  @Test("tries each alert in both ways: that it is raised, and that it is not") func everyAlertIsTried() throws {
    let tests = try House.text("deploy/prometheus/lobstack.rules.test.yaml")
    for alert in try alerts() {
      #expect(tests.contains("alertname: \(alert)}"), "nothing says when \(alert) is not raised")
      #expect(tests.contains("alertname: \(alert)\n"), "nothing says when \(alert) is raised")
    }
  }

  @Test("says of each alert what to do, in a section of its own") func runbooks() throws {
    let page = "docs/how-to/watch-the-platform.md"
    let alerts = try alerts()
    let sections = Set(try House.text(page).matches(of: /### (\w+)/).map { String($0.1) })
    #expect(sections == Set(alerts))
    let rules = try House.text(Self.rules)
    for alert in alerts { #expect(rules.contains("runbook: \(page)#\(alert.lowercased())\n"), "\(alert)") }
    let summaries = rules.matches(of: /summary: \S/).count
    #expect(summaries == alerts.count)
  }

  @Test("names metrics that exist, with labels that they have") func names() throws {
    let metrics = try metrics()
    let records = Set(try House.text(Self.rules).matches(of: /record: (\S+)/).map { String($0.1) })
    let queries = try dashboardQueries()
    #expect(queries.count > 20)
    for (source, text) in queries.map({ (Self.dashboard, $0) }) + [(Self.rules, try House.text(Self.rules))] {
      for match in text.matches(of: /\b(?:lobstack|process)[_:][a-z0-9_:]+/) {
        let name = String(match.0)
        let base = name.replacing(/_(bucket|sum|count)$/, with: "")
        let isHistogram = metrics[base]?.type == "histogram" && name != base
        #expect(metrics[name] != nil || isHistogram || records.contains(name), "\(source) names \(name)")
      }
      for match in text.matches(of: /\b((?:lobstack|process)_[a-z0-9_]+)\{([^}]*)\}/) {
        let name = String(match.1)
        guard let metric = metrics[name] ?? metrics[name.replacing("_bucket", with: "")] else { continue }
        let known = metric.labels.union(["job", "instance", "le"])
        for label in match.2.matches(of: /([a-z_]+)\s*(?:=|!)/) {
          #expect(known.contains(String(label.1)), "\(source): \(name) has no label \(label.1)")
        }
      }
    }
  }

  @Test("is a dashboard without an id twice and without a panel on another") func dashboard() throws {
    let panels = try panels()
    let ids = panels.compactMap { $0["id"] as? Int }
    #expect(ids.count == panels.count && Set(ids).count == ids.count)
    var taken: Set<[Int]> = []
    for panel in panels {
      let place = try #require(panel["gridPos"] as? [String: Int])
      let (x, y, width, height) = (place["x"] ?? -1, place["y"] ?? -1, place["w"] ?? 0, place["h"] ?? 0)
      #expect(x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 24)
      for column in x..<(x + width) {
        for line in y..<(y + height) { #expect(taken.insert([column, line]).inserted, "\(panel["title"] ?? "")") }
      }
    }
  }

  /// By name, from the tables of the reference.
  private func metrics() throws -> [String: (type: String, labels: Set<String>)] {
    var metrics: [String: (type: String, labels: Set<String>)] = [:]
    for match in try House.text("docs/reference/metrics.md").matches(of: /\| `([a-z0-9_]+)` \| (\w+) \|([^|]*)\|/) {
      let labels = match.3.matches(of: /`(\w+)`/).map { String($0.1) }
      metrics[String(match.1)] = (String(match.2), Set(labels))
    }
    return metrics
  }

  private func alerts() throws -> [String] {
    try House.text(Self.rules).matches(of: /- alert: (\w+)/).map { String($0.1) }
  }

  private func panels() throws -> [[String: Any]] {
    let data = Data(try House.text(Self.dashboard).utf8)
    let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    return try #require(dashboard["panels"] as? [[String: Any]])
  }

  /// Of the panels, and of the variables.
  private func dashboardQueries() throws -> [String] {
    let data = Data(try House.text(Self.dashboard).utf8)
    let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let templating = dashboard["templating"] as? [String: [[String: Any]]]
    let variables = (templating?["list"] ?? []).compactMap { $0["definition"] as? String }
    let targets = try panels().flatMap { $0["targets"] as? [[String: Any]] ?? [] }
    return targets.compactMap { $0["expr"] as? String } + variables
  }
}
