import APIClient
import APIModel
import AgentModel
import Foundation

/// The dashboard and the API of a platform that has much to show: 1,000 agents and 100,000 alerts. Longer lists of agents
/// than one node takes are `ListingsBenchmark`'s.
///
/// The agents have an image that is not there, so that what is measured is the control plane and not this machine's memory.
enum DashboardBenchmark {
  private static let agents = 1_000
  private static let alerts = 100_000

  static func run() async throws -> [Row] {
    try await BenchmarkPlatform.with { platform in
      for number in 0..<agents {
        _ = try await platform.create("bot-\(number)", command: ["sleep", "1"], image: "dir:/nonexistent")
      }
      for batch in 0..<(alerts / 200) {
        try await platform.client.reportAlerts((0..<200).map { alert(batch * 200 + $0) })
      }
      return try await pages(platform) + requests(platform)
    }
  }

  private static func alert(_ number: Int) -> AlertResource {
    AlertResource(
      id: UUID().uuidString.lowercased(), time: Date(timeIntervalSinceNow: Double(number - alerts)), rule: "Rule \(number % 80)",
      priority: "Warning", source: "syscall", agent: AgentID("default/bot-\(number % agents)"),
      container: "default.0123456789abcdef", hostname: "host",
      output: "a shell was spawned in the sandbox by sh -c 'id; uname -a; cat /etc/passwd'",
      outputFields: ["proc.pid": .int(7), "proc.cmdline": .string("sh -c id"), "proc.pname": .string("python3")],
      tags: ["shell", "mitre_execution"], response: "alert", responseState: .done)
  }

  // MARK: The page

  private struct Look: Decodable {
    /// Milliseconds from the begin of the navigation.
    var paint: Double
    var shown: Double
    /// Bytes of the page's objects.
    var memory: Double
  }

  private static func pages(_ platform: BenchmarkPlatform) async throws -> [Row] {
    let token = try await platform.client.createToken(
      TokenRequest(name: "page", role: .admin, tenant: nil, expiresInSeconds: nil)
    ).secret
    let address = "\(platform.gateway)/dashboard/"
    return try await Chromium.with { browser in
      try await browser.open(address)
      let status: Int = try await browser.run(
        "return (await fetch('/v1/session', {method: 'POST', headers: {authorization: 'Bearer ' + args[0]}})).status",
        token)
      guard status == 201 else { throw BenchmarkFailure("the login was answered by \(status)") }
      var rows: [Row] = []
      for (view, sign) in [("#/", "main h1"), ("#/agents", "main tbody tr"), ("#/alerts", "main tbody tr")] {
        var looks: [Look] = []
        for _ in 0..<10 {
          try await browser.open("about:blank")
          try await browser.open(address + view)
          looks.append(
            try await browser.run(
              """
              while (!document.querySelector(args[0])) await new Promise((next) => setTimeout(next, 5));
              const shown = performance.now();
              const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN;
              return {paint, shown, memory: performance.memory.usedJSHeapSize};
              """, sign))
        }
        let memory = Samples(looks.map { $0.memory / 1e6 })
        rows.append(
          Row(
            what: "dashboard \(view), \(agents) agents, \(alerts) alerts: first paint",
            figure: Row.text(Samples(looks.map(\.paint)))))
        rows.append(
          Row(
            what: "dashboard \(view): content shown",
            figure: Row.text(Samples(looks.map(\.shown))) + String(format: ", %.1f MB of objects", memory.p50)))
      }
      return rows
    }
  }

  // MARK: The API

  private static func requests(_ platform: BenchmarkPlatform) async throws -> [Row] {
    let client = platform.client
    let id = try parsed(AgentID("default/bot-500"))
    return [
      try await row("GET one of \(agents) agents") { _ = try await client.agent(id) },
      try await row("GET a page of \(agents) agents") { _ = try await client.agents(limit: 100) },
      try await row("GET a page of \(alerts) alerts") { _ = try await client.alerts(limit: 100) },
    ]
  }

  /// Ten seconds of requests at the Unix socket, by eight callers.
  private static func row(_ what: String, _ request: @escaping @Sendable () async throws -> Void) async throws -> Row {
    let (begin, time) = (ContinuousClock.now, Duration.seconds(10))
    let times = try await withThrowingTaskGroup(of: [Duration].self) { group in
      for _ in 0..<8 {
        group.addTask {
          var times: [Duration] = []
          while begin.duration(to: .now) < time {
            let start = ContinuousClock.now
            try await request()
            times.append(start.duration(to: .now))
          }
          return times
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    let seconds = begin.duration(to: .now).inMilliseconds / 1000
    return Row(
      what: "\(what), 8 callers", figure: "\(Int(Double(times.count) / seconds))/s, \(Row.text(Samples(times)))")
  }
}
