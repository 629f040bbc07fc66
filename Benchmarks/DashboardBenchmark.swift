import APIClient
import APIModel
import AgentModel
import Foundation

/// The dashboard of a platform that has much to show, 1,000 agents and 100,000 alerts, beside that of the same platform
/// when it was empty.
///
/// The agents have an image that is not there, so that what is measured is not this machine's memory.
enum DashboardBenchmark {
  private static let agents = 1_000
  private static let alerts = 100_000
  private static let views = [("#/", "platform"), ("#/agents", "agents"), ("#/alerts", "alerts")]
  private static let looks = 30

  static func run() async throws -> [Row] {
    // A person does not open pages as fast as this does.
    try await BenchmarkPlatform.with(["--gateway-rate", "1000"]) { platform in
      try await Chromium.with { browser in
        try await logIn(browser, platform)
        let empty = try await pages(browser, platform)
        let flood = try await flood(browser, platform)
        let full = try await pages(browser, platform)
        return zip(zip(views, empty), zip(["", "50 rows, ", "100 rows, "], full)).flatMap { before, after in
          rows(before.0.1, before.1, after.0, after.1)
        } + [flood]
      }
    }
  }

  private static func logIn(_ browser: Chromium, _ platform: BenchmarkPlatform) async throws {
    let token = try await platform.client.createToken(
      TokenRequest(name: "page", role: .admin, tenant: nil, expiresInSeconds: nil)
    ).secret
    // Of every page from now on: when a view is there whole, and the browser has shown it.
    let _: Identified = try await browser.develop(
      "Page.addScriptToEvaluateOnNewDocument",
      [
        "source": """
        window.shown = new Promise((resolve) => {
          const observer = new MutationObserver(() => {
            if (!document.querySelector("#verdict, main nav.pages")) return;
            observer.disconnect();
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
          });
          observer.observe(document, {childList: true, subtree: true});
        });
        """
      ])
    let status: Int = try await repeated {
      try await browser.open("\(platform.gateway)/dashboard/")
      return try await browser.run(
        "return (await fetch('/v1/session', {method: 'POST', headers: {authorization: 'Bearer ' + args[0]}})).status",
        token)
    }
    guard status == 201 else { throw BenchmarkFailure("the login was answered by \(status)") }
  }

  private struct Identified: Decodable { var identifier: String }

  // MARK: What there is to show

  /// Everything, while the page of alerts is open, which is told each of them.
  private static func flood(_ browser: Chromium, _ platform: BenchmarkPlatform) async throws -> Row {
    var sandboxes: [String] = []
    for number in 0..<agents {
      let agent = try await platform.create("bot-\(number)", command: ["sleep", "1"], image: "dir:/nonexistent")
      sandboxes.append("\(platform.layout.instance).\(agent.metadata.uid)")
    }
    let _: Double = try await repeated {
      try await browser.open("about:blank")
      try await browser.open("\(platform.gateway)/dashboard/#/alerts")
      return try await browser.run("return await window.shown")
    }
    let begin = ContinuousClock.now
    for batch in 0..<(alerts / 200) {
      try await platform.client.reportAlerts((0..<200).map { alert(batch * 200 + $0, of: sandboxes) })
    }
    let reported = begin.duration(to: .now)
    let newest = "bot-\((alerts - 1) % agents)"
    try await eventually("the newest alert is shown", within: .seconds(120)) {
      let text: String = try await browser.run("return document.querySelector('main tbody tr')?.innerText ?? ''")
      return text.contains(newest)
    }
    let shown = begin.duration(to: .now) - reported
    return Row(
      what: "the page of alerts open while \(alerts) alerts come",
      figure: String(
        format: "%.0f/s come, the last is shown %.1f s after; %@", Double(alerts) * 1000 / reported.inMilliseconds,
        shown.inMilliseconds / 1000, try await memory(browser).text))
  }

  /// One a second until now.
  private static func alert(_ number: Int, of sandboxes: [String]) -> AlertResource {
    AlertResource(
      id: UUID().uuidString.lowercased(), time: Date(timeIntervalSinceNow: Double(number - alerts)),
      rule: "Rule \(number % 80)", priority: "Warning", source: "syscall", agent: nil,
      container: sandboxes[number % agents], hostname: "host",
      output: "a shell was spawned in the sandbox by sh -c 'id; uname -a; cat /etc/passwd'",
      outputFields: ["proc.pid": .int(7), "proc.cmdline": .string("sh -c id"), "proc.pname": .string("python3")],
      tags: ["shell", "mitre_execution"], response: "alert", responseState: .done)
  }

  // MARK: The page

  /// Times are milliseconds from the begin of the navigation.
  private struct Look: Decodable {
    /// The first content of any kind (W3C Paint Timing).
    var paint: Double
    /// The whole view.
    var shown: Double
    var rows: Int
    var requests: Int
    var bytes: Double
  }

  private struct Memory: Decodable {
    var usedSize: Double
    var nodes: Int?

    var text: String { String(format: "%.1f MiB of objects, %d nodes", usedSize / 1_048_576, nodes ?? 0) }
  }

  private struct Page {
    var looks: [Look]
    var memory: Memory
  }

  /// Each view opened anew, with nothing in the browser's cache.
  private static func pages(_ browser: Chromium, _ platform: BenchmarkPlatform) async throws -> [Page] {
    var pages: [Page] = []
    for (view, _) in views {
      var seen: [Look] = []
      for _ in 0...looks {
        seen.append(
          try await repeated {
            try await browser.open("about:blank")
            let _: Nothing = try await browser.develop("Network.clearBrowserCache")
            try await browser.open("\(platform.gateway)/dashboard/\(view)")
            return try await browser.run(
              """
              const late = new Promise((_, fail) => setTimeout(() => fail(document.body.innerText), 25_000));
              const shown = await Promise.race([window.shown, late]);
              const files = performance.getEntriesByType("resource");
              return {
                shown, paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
                rows: document.querySelectorAll("main tbody tr").length, requests: files.length + 1,
                bytes: files.reduce((sum, file) => sum + file.encodedBodySize, 0),
              };
              """)
          })
      }
      // The first makes the connection.
      pages.append(Page(looks: Array(seen.dropFirst()), memory: try await memory(browser)))
    }
    return pages
  }

  private struct Nothing: Decodable {}

  /// Chromium drops its requests when the machine's network changes, as each agent's start on this machine makes it; the
  /// page then loads itself again, and what ran in it is gone.
  private static func repeated<Value>(_ body: () async throws -> Value) async throws -> Value {
    for _ in 0..<4 {
      do { return try await body() } catch { try await Task.sleep(for: .seconds(1)) }
    }
    return try await body()
  }

  /// What is left when nothing is that nobody uses.
  private static func memory(_ browser: Chromium) async throws -> Memory {
    struct Counters: Decodable { var nodes: Int }
    let _: Nothing = try await browser.develop("HeapProfiler.collectGarbage")
    var memory: Memory = try await browser.develop("Runtime.getHeapUsage")
    memory.nodes = try await (browser.develop("Memory.getDOMCounters") as Counters).nodes
    return memory
  }

  private static func rows(_ view: String, _ empty: Page, _ extent: String, _ full: Page) -> [Row] {
    func samples(_ page: Page, _ value: (Look) -> Double) -> Samples { Samples(page.looks.map(value)) }
    let what = "dashboard, \(view), \(agents) agents, \(alerts) alerts"
    let last = full.looks.last
    return [
      .compare("\(what): first paint", samples(full, \.paint), "empty", samples(empty, \.paint)),
      .compare("\(what): view shown", samples(full, \.shown), "empty", samples(empty, \.shown)),
      Row(
        what: "\(what): memory",
        figure: extent + full.memory.text
          + String(format: ", %d requests, %.0f KiB", last?.requests ?? 0, (last?.bytes ?? 0) / 1024),
        peer: "empty: \(empty.memory.text)",
        ratio: String(format: "%.2f", full.memory.usedSize / empty.memory.usedSize)),
    ]
  }
}
