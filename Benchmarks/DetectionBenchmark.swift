import APIClient
import APIModel
import AgentModel
import ChildProcess
import Foundation
import Glibc
import Synchronization

/// How soon an attack is told of and answered.
enum DetectionBenchmark {
  private static let attacks = 200
  /// Agents that are attacked in turns: of one, alerts of a rule are told one a second.
  private static let attacked = 4
  private static let kills = 100

  static func run() async throws -> [Row] {
    try await BenchmarkPlatform.with { platform in
      let memory = try sentinelMemory(platform)
      var rows = try await latencies(platform)
      rows.append(
        Row(
          what: "sentinel's memory, without agents, after all of this",
          figure: "\(memory), \(try sentinelMemory(platform))"))
      return rows
    }
  }

  private static func sentinelMemory(_ platform: BenchmarkPlatform) throws -> String {
    let text = try String(contentsOfFile: "\(platform.layout.runDirectory)/sentinel.pid", encoding: .utf8)
    let process = text.trimmingCharacters(in: .whitespacesAndNewlines)
    let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return line.dropFirst(6).trimmingCharacters(in: .whitespaces)
  }

  // MARK: Latency

  /// Attacks once a second line arrives in its workspace, so that an attack begins when we say so.
  private static let attacker = [
    "sh", "-c", "while :; do if [ -e /workspace/go ]; then rm /workspace/go; cat /etc/shadow; fi; sleep 0.05; done",
  ]
  private static let storm = ["sh", "-c", "f() { while :; do cat /bin/nothing; done; }; f & f & f"]

  private static func latencies(_ platform: BenchmarkPlatform) async throws -> [Row] {
    let quiet = try await alerts(platform, "quiet")
    let dead = try await deaths(platform, "idle")
    let flood = try await platform.create("storm", command: storm)
    try await platform.wait(for: flood.id, .running)
    try await Task.sleep(for: .seconds(2))
    let loud = try await alerts(platform, "loud")
    let deadInFlood = try await deaths(platform, "flood")
    try await platform.delete(flood.id)
    return [
      Row(what: "attack to alert, at a client of the API", figure: Row.text(quiet)),
      .compare("attack to alert, beside a flood of events", loud, "idle", quiet),
      Row(what: "attack to dead", figure: Row.text(dead)),
      .compare("attack to dead, beside a flood of events", deadInFlood, "idle", dead),
    ]
  }

  /// From the event, by the sandbox's clock, to the alert at a client that follows.
  private static func alerts(_ platform: BenchmarkPlatform, _ name: String) async throws -> Samples {
    var agents: [AgentResource] = []
    for number in 0..<attacked {
      let agent = try await platform.create("\(name)-\(number)", command: attacker)
      try await platform.wait(for: agent.id, .running)
      agents.append(agent)
    }
    let times = Mutex<[Double]>([])
    let client = platform.client
    let following = Task {
      try await client.followAlerts(AlertFilter(rule: "Sensitive path access")) { event in
        guard case .alert(let alert, _) = event, alert.suppressed == 0 else { return }
        times.withLock { $0.append(Date.now.timeIntervalSince(alert.time) * 1000) }
      }
    }
    let end = ContinuousClock.now + .seconds(600)
    var number = 0
    while times.withLock({ $0.count }) < attacks, ContinuousClock.now < end {
      let uid = agents[number % attacked].metadata.uid
      try go("\(platform.layout.agentsDirectory)/\(uid)/workspace")
      number += 1
      try await Task.sleep(for: .milliseconds(1100 / attacked))
    }
    following.cancel()
    _ = await following.result
    for agent in agents { try await platform.delete(agent.id) }
    return Samples(times.withLock { $0 })
  }

  private static func go(_ workspace: String) throws {
    try Data().write(to: URL(filePath: "\(workspace)/go"))
    chown("\(workspace)/go", InstanceLayout.agentUserID, InstanceLayout.agentUserID)
  }

  /// From the event to the end of the sandbox's process, which is watched from here.
  private static func deaths(_ platform: BenchmarkPlatform, _ prefix: String) async throws -> Samples {
    var times: [Double] = []
    for number in 0..<kills {
      let agent = try await platform.create("\(prefix)-\(number)", command: attacker, response: .kill)
      try await platform.wait(for: agent.id, .running)
      let directory = "\(platform.layout.agentsDirectory)/\(agent.metadata.uid)"
      struct Record: Decodable { var sandboxProcess: Int32? }
      let record = try JSONDecoder().decode(
        Record.self, from: try Data(contentsOf: URL(filePath: "\(directory)/agent.json")))
      guard let process = record.sandboxProcess else { throw BenchmarkFailure("no process of agent \(agent.id)") }
      try go("\(directory)/workspace")
      let end = ContinuousClock.now + .seconds(10)
      while isAlive(process), ContinuousClock.now < end { usleep(200) }
      let dead = Date.now
      guard !isAlive(process) else {
        let status = try await platform.client.agent(agent.id).status
        let alerts = try await platform.client.alerts(AlertFilter(agent: agent.id)).items
        throw BenchmarkFailure("agent \(agent.id) was not killed within 10 s: \(status), \(alerts)")
      }
      guard let alert = try await alert(about: agent.id, platform) else {
        throw BenchmarkFailure("agent \(agent.id) died without an alert")
      }
      times.append(dead.timeIntervalSince(alert.time) * 1000)
      try await platform.delete(agent.id)
    }
    return Samples(times)
  }

  private static func alert(about agent: AgentID, _ platform: BenchmarkPlatform) async throws -> AlertResource? {
    for _ in 0..<200 {
      let page = try await platform.client.alerts(AlertFilter(agent: agent, rule: "Sensitive path access"))
      if let first = page.items.last { return first }
      try await Task.sleep(for: .milliseconds(10))
    }
    return nil
  }

  private static func isAlive(_ process: Int32) -> Bool {
    guard kill(process, 0) == 0 else { return false }
    // Dead, and not reaped yet.
    let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    return !status.contains(") Z ")
  }
}
