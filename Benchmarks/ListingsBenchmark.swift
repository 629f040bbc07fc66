import APIModel
import AgentModel
import AuditLog
import Foundation
import Storage

/// What the control plane's store and audit log take for a page of what the API lists, at 10,000 agents, 100,000 alerts
/// and 20,000 audit records, without HTTP, which `APIBenchmark` measures.
enum ListingsBenchmark {
  private static let agents = 10_000
  private static let alerts = 100_000
  private static let records = 20_000
  private static let page = 100

  static func run() async throws -> [Row] {
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    let key = StoreKey(SecretValue([UInt8](repeating: 7, count: 32)))
    let store = try await Store.open(path: "\(directory.path)/store.sqlite", key: key)
    let rows = try await agents(store) + alerts(store) + [auditSearch("\(directory.path)/audit")]
    try store.close()
    return rows
  }

  // MARK: Agents

  private static func agents(_ store: Store) async throws -> [Row] {
    var uids: [AgentUID] = []
    for number in 0..<agents { uids.append(try await store.create(agent(number)).uid) }
    guard let middle = AgentID("tenant-5/bot-05000"), let last = AgentID("tenant-9/bot-09800") else {
      throw BenchmarkFailure("the names are none")
    }
    let rare = Set(uids.suffix(3))
    func wide(_ what: String) -> String { "\(what) of \(agents) agents, a page of \(page)" }
    return [
      try await row("one of \(agents) agents", 1) { try await store.agent(middle).map { [$0] } ?? [] },
      try await row(wide("the first"), page) { try await store.agents(limit: page) },
      try await row(wide("the last"), page) { try await store.agents(after: last, limit: page) },
      try await row(wide("a search that ten pass"), 10) { try await store.agents(search: "bot-0999", limit: page) },
      try await row(wide("a search that none passes"), 0) { try await store.agents(search: "nothing", limit: page) },
      try await row(wide("a phase that three have"), 3) { try await store.agents(limit: page) { rare.contains($0) } },
    ]
  }

  private static func agent(_ number: Int) throws -> StoredAgent {
    let digits = String(number)
    let name = "tenant-\(number / 1_000)/bot-\(String(repeating: "0", count: 5 - digits.count))\(digits)"
    guard let id = AgentID(name), let image = ImageReference("oci:/srv/images/support-bot:1.\(number % 50)") else {
      throw BenchmarkFailure("'\(name)' is no name")
    }
    var spec = AgentSpec(image: image)
    spec.env = ["LOG_LEVEL": "info", "REGION": "eu-1"]
    return StoredAgent(
      agent: Agent(id: id, labels: ["team": "support-\(number % 20)", "env": "prod"], spec: spec), uid: .random(),
      createdAt: .now, creator: "token:bench", auditIndex: UInt64(number))
  }

  // MARK: Alerts

  private static func alerts(_ store: Store) async throws -> [Row] {
    for batch in 0..<(alerts / 500) { _ = try await store.record((0..<500).map { alert(batch * 500 + $0) }) }
    let end = try await store.lastAlertChange()
    let (tenant, agent) = (TenantName("tenant-5"), AgentID("tenant-5/bot-05000"))
    func wide(_ what: String) -> String { "\(what) of \(alerts) alerts, a page of \(page)" }
    return [
      try await row(wide("the newest"), page) { try await store.alerts(limit: page) },
      try await row(wide("the oldest"), page) { try await store.alerts(before: Int64(page) + 1, limit: page) },
      try await row(wide("an agent's"), page) { try await store.alerts(AlertFilter(agent: agent), limit: page) },
      try await row(wide("a rule that none has"), 0) {
        try await store.alerts(AlertFilter(rule: "Nothing"), scope: tenant, limit: page)
      },
      try await row(wide("a priority that none has"), 0) {
        try await store.alerts(AlertFilter(priority: .emergency), limit: page)
      },
      try await row("the last 10 of \(alerts) alerts, followed by a tenant", 10) {
        try await store.alertChanges(after: end - 10, scope: tenant, limit: page).alerts
      },
    ]
  }

  private static func alert(_ number: Int) -> AlertResource {
    AlertResource(
      id: "alert-\(number)", time: Date(timeIntervalSince1970: Double(number)), rule: "Rule \(number % 80)",
      priority: "Warning", source: "syscall", agent: AgentID("tenant-5/bot-0500\(number % 10)"),
      container: "default.0123456789abcdef", hostname: "host",
      output: "a shell was spawned in the sandbox by sh -c 'id; uname -a; cat /etc/passwd'",
      outputFields: ["proc.pid": .int(7), "proc.cmdline": .string("sh -c id"), "proc.pname": .string("python3")],
      tags: ["shell", "mitre_execution"], response: "kill", responseState: .done)
  }

  // MARK: Audit

  /// What one request looks at that finds nothing, page by page.
  private static func auditSearch(_ path: String) async throws -> Row {
    let file = try await AuditFile.open(directory: path)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<1_000 {
        group.addTask {
          for number in 0..<(records / 1_000) { _ = try await file.append(AuditBenchmark.record(caller * 20 + number)) }
        }
      }
      try await group.waitForAll()
    }
    let row = try await row("a search of \(records) audit records that none passes", 0) {
      var found: [AuditEntry] = []
      for first in stride(from: 0, to: UInt64(records), by: 500) {
        found += try await file.page(from: first, limit: 500).filter { $0.record.actor == "nobody" }
      }
      return found
    }
    try await file.close()
    return row
  }

  /// - Parameter count: of what has to be found.
  private static func row<Item>(
    _ what: String, _ count: Int, _ body: () async throws -> [Item]
  ) async throws -> Row {
    var times: [Duration] = []
    let end = ContinuousClock.now + .seconds(3)
    while times.count < 20 || ContinuousClock.now < end {
      let begin = ContinuousClock.now
      let found = try await body()
      times.append(begin.duration(to: .now))
      guard found.count == count else { throw BenchmarkFailure("\(what): \(found.count), not \(count)") }
    }
    // The first ones read the disk.
    let samples = Samples(Array(times.dropFirst(3)))
    return Row(what: what, figure: "\(Int(1_000 / samples.p50))/s, \(Row.text(samples))")
  }
}
