import APIModel
import AgentModel
import Foundation
import Glibc
import Testing

extension TestPlatform {
  /// The alerts about an agent, or all of them; newest first.
  func alerts(_ agent: String? = nil) async throws -> [AlertResource] {
    let filter = agent.map { ["--agent", $0] } ?? []
    return try await run(["alerts", "-o", "json", "--limit", "1000"] + filter).ok().json()
  }

  /// The alerts that something raises about an agent, once no more come.
  func alerts(raisedIn agent: String, by body: () async throws -> Void) async throws -> [AlertResource] {
    let before = Set(try await alerts(agent).map(\.id))
    try await body()
    var raised: [AlertResource] = []
    // An alert is told with the next look or the one after; on a busy machine the second of two may take longer.
    var quiet = 0
    try await eventually("there are alerts, and no more come") {
      let now = try await alerts(agent).filter { !before.contains($0.id) }
      quiet = !now.isEmpty && now.count == raised.count ? quiet + 1 : 0
      raised = now
      return quiet == 2
    }
    return raised
  }
}

@Suite("An attack in a sandbox", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(6)))
struct AttackTests {
  private struct Attack {
    var command: [String]
    var rules: Set<String>
    var priority: String

    init(_ command: String..., raises rules: Set<String>, _ priority: String) {
      self.command = command
      self.rules = rules
      self.priority = priority
    }
  }

  private static let attacks = [
    Attack("sh", "-c", "true", raises: ["Shell spawned in agent container"], "Warning"),
    Attack("su", "-c", "id", "root", raises: ["Privilege change attempt"], "Critical"),
    Attack("xmrig", "-o", "pool.example", raises: ["Crypto miner"], "Critical"),
    Attack("cat", "/var/run/secrets/x", raises: ["Secret or vault token read"], "Critical"),
    Attack(
      "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token",
      raises: ["Secret or vault token read", "Sensitive path access"], "Critical"),
    Attack("nc", "-w", "1", "10.96.0.1", "443", raises: ["Contact Kubernetes API"], "Error"),
    Attack("cat", "/etc/shadow", raises: ["Sensitive path access"], "Critical"),
    Attack("nc", "-w", "1", "93.184.215.16", "8081", raises: ["Outbound on non-443 port"], "Error"),
  ]

  @Test("raises its rule's alert and no other, which everybody can read who has to") func raises() async throws {
    try await withPlatform { platform in
      try await platform.create("demo", command: ["sleep", "36000"])
      #expect(try await platform.alerts("demo").isEmpty)
      for attack in Self.attacks {
        let raised = try await platform.alerts(raisedIn: "demo") {
          // Each is refused by some other layer, and that is not what is asked here.
          _ = try await platform.run(["agent", "exec", "demo", "--"] + attack.command)
        }
        #expect(Set(raised.map(\.rule)) == attack.rules, "\(attack.command)")
        #expect(Set(raised.map(\.priority)) == [attack.priority], "\(attack.command)")
      }

      let detection = try await platform.agent("demo").status.layers.first { $0.layer == "detection" }
      #expect(detection?.state == .enforced)

      // Falco's JSON, line by line, for whoever reads such files.
      struct Line: Decodable { var rule, priority, output, source: String }
      let text = try String(contentsOfFile: "\(platform.layout.logDirectory)/alerts.jsonl", encoding: .utf8)
      let lines = try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
      #expect(
        lines.contains { $0.rule == "Sensitive path access" && $0.priority == "Critical" && $0.source == "syscall" })

      let audit = try await platform.run("audit", "list", "-o", "json", "--agent", "default/demo").ok().output
      #expect(audit.contains("alert.raise"))
      let metrics = try await platform.run("alerts", "--priority", "Critical", "-o", "json").ok().output
      #expect(!metrics.contains("\"Warning\""))
    }
  }

  @Test("is answered as the agent's document says, once, and a person lets the agent go") func answers() async throws {
    try await withPlatform { platform in
      let program = ["sh", "-c", "trap 'exit 0' TERM; while :; do echo x; sleep 1; done"]
      for response in ["kill", "freeze", "quarantine"] {
        try await platform.create(response, options: ["--response", response], command: program)
        for _ in 0..<2 { _ = try await platform.exec(response, "cat", "/etc/shadow") }
        try await eventually("the response is done") {
          try await platform.alerts(response).contains { $0.responseState == .done && $0.response == response }
        }
        let phase: AgentPhase = response == "kill" ? .failed : .quarantined
        try await eventually("the agent is \(phase)") { try await platform.agent(response).status.phase == phase }
        #expect(try await platform.agent(response).status.reason?.contains("in response to alert") == true)
      }
      let frozen = try await platform.exec("freeze", "id")
      #expect(frozen.code == 1 && frozen.error.contains("the agent is frozen"))
      #expect(try await platform.exec("quarantine", "id").ok().output.hasPrefix("uid=10001"))

      let audit = try await platform.run("audit", "list", "-o", "json", "--agent", "default/kill").ok().output
      #expect(audit.contains("alert.respond"))

      // A platform that begins anew holds on to them.
      try await platform.kill("node")
      try await platform.waitUntilReady()
      try await eventually("the node is back") {
        try await platform.agent("freeze").status.layers.contains { $0.layer == "response" && $0.state == .enforced }
      }
      #expect(try await platform.agent("freeze").status.phase == .quarantined)
      #expect(try await platform.agent("quarantine").status.phase == .quarantined)
      for response in ["kill", "freeze", "quarantine"] {
        try await platform.run("agent", "start", response, "--wait").ok()
        #expect(try await platform.agent(response).status.reason == nil)
        #expect(try await platform.exec(response, "id").ok().output.hasPrefix("uid=10001"))
      }
    }
  }

  @Test("is not waited for when a person wants an agent frozen, cut off or ended") func person() async throws {
    try await withPlatform { platform in
      let program = ["sh", "-c", "trap 'exit 0' TERM; while :; do echo x; sleep 1; done"]
      for response in ["kill", "freeze", "quarantine"] {
        try await platform.create(response, command: program)
        try await platform.run("agent", "respond", response, response).ok()
        let phase: AgentPhase = response == "kill" ? .failed : .quarantined
        try await eventually("the agent is \(phase)") { try await platform.agent(response).status.phase == phase }
        #expect(try await platform.agent(response).status.reason?.contains("as root@unix wanted") == true)
      }
      #expect(try await platform.exec("freeze", "id").error.contains("the agent is frozen"))
      let again = try await platform.run("agent", "respond", "kill", "freeze")
      #expect(again.code == 1 && again.error.contains("does not run"))
      let audit = try await platform.run("audit", "list", "-o", "json", "--agent", "default/freeze").ok().output
      #expect(audit.contains("agent.respond"))
      try await platform.run("agent", "start", "freeze", "--wait").ok()
      #expect(try await platform.exec("freeze", "id").ok().output.hasPrefix("uid=10001"))
    }
  }

  @Test("is seen in the middle of a flood of others, and whatever is not seen is told of") func flood() async throws {
    try await withPlatform { platform in
      let storm = "while :; do cat /etc/passwd /etc/group > /tmp/x 2>&1; nc -w 0 127.0.0.1 1 2> /tmp/y; done"
      try await platform.create(
        "storm", options: ["--tier", "standard"], command: ["sh", "-c", "(\(storm)) & (\(storm)) & \(storm)"])
      let began = ContinuousClock.now
      try await platform.create("calm", command: ["sleep", "36000"])
      try await Task.sleep(for: .seconds(2))
      for (agent, mark) in [("storm", "first"), ("calm", "second"), ("storm", "third")] {
        _ = try await platform.exec(agent, "cat", "/etc/shadow", mark)
        // Once events were dropped, a program may not be known by its arguments any more.
        try await eventually("the attack is seen, or told that not all is") {
          let alerts = try await platform.alerts(agent)
          return alerts.contains { $0.rule == "Sensitive path access" && $0.output.contains(mark) }
            || alerts.contains { $0.rule == "Trace events dropped" }
        }
      }
      // One rule about one agent tells 20 at once and one a second from then on.
      let counts = Dictionary(grouping: try await platform.alerts(), by: { "\($0.container) \($0.rule)" })
      let most = max(100, 30 + began.duration(to: .now).components.seconds)
      #expect(counts.values.allSatisfy { $0.count < most }, "\(counts.mapValues(\.count))")
      let layers = try await platform.agent("storm").status.layers
      #expect(layers.contains { $0.layer == "detection" && $0.state == .enforced }, "\(layers)")
    }
  }

  @Test("is seen by rules that changed meanwhile, and by those before when the new ones are broken")
  func reload() async throws {
    try await withPlatform { platform in
      try await platform.create("demo", command: ["sleep", "36000"])
      let file = "\(platform.layout.policyDirectory)/falco/own.yaml"
      let rule = """
        - rule: Date asked
          desc: of no harm, for a test
          condition: evt.type = execve and proc.name = date
          output: The date was asked (cmd=%proc.cmdline)
          priority: NOTICE
          tags: [response_freeze]
        """
      try (rule + "\n  exceptions: nonsense\n").write(toFile: file, atomically: true, encoding: .utf8)
      try await eventually("the broken rules are refused") {
        try await platform.alerts().contains {
          $0.rule == "Detection rules refused" && $0.output.contains("exceptions")
        }
      }
      let seen = try await platform.alerts(raisedIn: "demo") {
        _ = try await platform.exec("demo", "cat", "/etc/shadow")
      }
      #expect(seen.map(\.rule) == ["Sensitive path access"])

      try rule.write(toFile: file, atomically: true, encoding: .utf8)
      try await eventually("the rules are loaded") {
        try await platform.alerts().contains { $0.rule == "Detection rules loaded" }
      }
      let raised = try await platform.alerts(raisedIn: "demo") { _ = try await platform.exec("demo", "date") }
      #expect(raised.map(\.rule) == ["Date asked"])
      // The rule's own response, whatever the agent's document says.
      try await eventually("it is frozen") { try await platform.agent("demo").status.phase == .quarantined }
    }
  }

  @Test("is seen again when the sentinel was killed, and the time between is told of") func sentinelDies() async throws
  {
    try await withPlatform { platform in
      try await platform.create("demo", command: ["sleep", "36000"])
      let sandbox = try await platform.sandboxProcess("demo")
      try await platform.kill("sentinel")
      try await eventually("the gap is told of") {
        try await platform.alerts("demo").contains { $0.rule == "Trace session began late" && $0.source == "internal" }
      }
      let seen = try await platform.alerts(raisedIn: "demo") {
        _ = try await platform.exec("demo", "cat", "/etc/shadow")
      }
      #expect(seen.map(\.rule) == ["Sensitive path access"])
      #expect(try await platform.sandboxProcess("demo") == sandbox)
    }
  }
}
