import APIModel
import AgentModel
import Detection
import Foundation
import NodeProtocol
import Testing

@testable import Sentinel

@Suite("The author of alerts") struct AlertAuthorTests {
  private let author = AlertAuthor(hostName: "host-1")

  private func rule(priority: String = "CRITICAL", tags: [String] = []) throws -> CompiledRules.Rule {
    let text = """
      - rule: Shadow read
        desc: d
        condition: evt.type = openat and fd.name = /etc/shadow
        output: shadow was read
        priority: \(priority)
        tags: [\(tags.joined(separator: ", "))]
      """
    let compiled = try RuleDirectory.compile([(name: "rules.yaml", text: text)])
    return try #require(compiled.rules.first)
  }

  private func alert(
    _ text: String = "text", fields: [(name: String, value: JSONValue)] = [], priority: String = "CRITICAL",
    tags: [String] = [], response: AgentResponse = .alert
  ) throws -> AlertResource {
    author.alert(
      try rule(priority: priority, tags: tags), output: (text: text, fields: fields), time: 1_500_000_000,
      in: try WatchedSandbox.stub(response: response))
  }

  @Test("says what a rule found, where and when") func whole() throws {
    let alert = try alert(
      "shadow was read", fields: [(name: "fd.name", value: .string("/etc/shadow")), (name: "fd.num", value: .null)],
      priority: "WARNING", tags: ["mitre", "files"])
    #expect(UUID(uuidString: alert.id) != nil && alert.id == alert.id.lowercased())
    #expect(alert.time == Date(timeIntervalSince1970: 1.5))
    #expect(alert.rule == "Shadow read" && alert.priority == "Warning" && alert.source == "syscall")
    #expect(alert.container == DetectionBench.container && alert.agent == nil && alert.hostname == "host-1")
    #expect(alert.output == "shadow was read")
    #expect(alert.outputFields == ["fd.name": JSONValue.string("/etc/shadow"), "fd.num": JSONValue.null])
    #expect(alert.tags == ["files", "mitre"])
    #expect(alert.suppressed == 0)
    #expect(try self.alert().id != alert.id)
  }

  @Test("cuts a long output, whatever characters are in it", arguments: ["x", "é", "€", "😀", "\u{0}"])
  func longOutput(character: String) throws {
    for extra in 1...4 {
      let text = String(repeating: "x", count: extra) + String(repeating: character, count: 20_000)
      let output = try alert(text).output
      #expect((16_370...16_384).contains(output.utf8.count))
      #expect(output.hasSuffix("…"))
    }
  }

  @Test("leaves an output as it is that just fits") func longestOutput() throws {
    let text = String(repeating: "x", count: 16_384)
    #expect(try alert(text).output == text)
  }

  @Test("cuts long values and long lists of them, and numbers never") func longValues() throws {
    let long = String(repeating: "y", count: 50_000)
    let alert = try alert(fields: [
      (name: "text", value: .string(long)), (name: "list", value: .list(Array(repeating: long, count: 1_000))),
      (name: "number", value: .unsigned(.max)), (name: "short", value: .string("y")),
    ])
    guard case .string(let text)? = alert.outputFields["text"], case .list(let items)? = alert.outputFields["list"]
    else { throw TestError(text: "\(alert.outputFields.keys)") }
    #expect(text.utf8.count <= 4_096 && text.hasPrefix("yyy") && text.hasSuffix("…"))
    #expect(items.count == 64)
    #expect(items.allSatisfy { $0.utf8.count <= 256 && $0.hasPrefix("yyy") })
    #expect(alert.outputFields["number"] == JSONValue.unsigned(.max))
    #expect(alert.outputFields["short"] == JSONValue.string("y"))
  }

  @Test("tells no more fields and tags than the API takes") func manyFields() throws {
    let fields = (0..<300).map { (name: "field.\($0)", value: JSONValue.int(1)) }
    let alert = try alert(fields: fields, tags: (0..<100).map { "tag\($0)" })
    #expect(alert.outputFields.count == 256)
    #expect(alert.tags.count == 64)
  }

  @Test("asks for the agent's response when an alert is critical, and for none when it is less")
  func responses() throws {
    for priority in ["EMERGENCY", "ALERT", "CRITICAL"] {
      let alert = try alert(priority: priority, response: .kill)
      #expect(alert.response == "kill" && alert.responseState == .pending, "\(priority)")
    }
    for priority in ["ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"] {
      let alert = try alert(priority: priority, response: .kill)
      #expect(alert.response == "alert" && alert.responseState == AlertResource.ResponseState.none, "\(priority)")
    }
    let unanswered = try alert(response: .alert)
    #expect(unanswered.response == "alert" && unanswered.responseState == AlertResource.ResponseState.none)
  }

  @Test("asks for the response that a rule has for itself") func ruleResponse() throws {
    let alert = try alert(priority: "NOTICE", tags: ["files", "response_freeze"], response: .kill)
    #expect(alert.response == "freeze" && alert.responseState == .pending)
  }

  @Test("says what the sentinel finds about its sight of a sandbox") func finding() throws {
    let sandbox = try WatchedSandbox.stub(response: .quarantine)
    let alert = author.alert(.dropped(3, altogether: 9), in: sandbox, at: Date(timeIntervalSince1970: 2))
    #expect(alert.rule == "Trace events dropped" && alert.priority == "Critical" && alert.source == "internal")
    #expect(alert.container == sandbox.container && alert.hostname == "host-1")
    #expect(alert.time == Date(timeIntervalSince1970: 2))
    let expected: [String: JSONValue] = [
      "dropped": .unsigned(3), "altogether": .unsigned(9), "agent.name": .string("bot"),
      "agent.tenant": .string("acme"),
    ]
    #expect(alert.outputFields == expected)
    #expect(alert.response == "quarantine" && alert.responseState == .pending)
    let late = author.alert(.late, in: sandbox)
    #expect(late.response == "alert" && late.responseState == AlertResource.ResponseState.none)
  }

  @Test("calls it the host where no sandbox is concerned") func host() {
    let alert = author.alert(.malformed(2), in: nil)
    #expect(alert.container == "host" && alert.source == "internal")
    #expect(alert.outputFields == ["count": JSONValue.int(2)])
    #expect(alert.response == "alert" && alert.responseState == AlertResource.ResponseState.none)
  }

  @Test("cuts what a finding took from elsewhere") func longFinding() {
    let alert = author.alert(.rulesRefused(String(repeating: "é", count: 20_000)), in: nil)
    #expect(alert.output.utf8.count <= 16_384)
    guard case .string(let reason)? = alert.outputFields["reason"] else {
      Issue.record("there is no reason")
      return
    }
    #expect(reason.utf8.count <= 4_096)
  }
}

@Suite("The response to an alert") struct AlertResponseTests {
  @Test(
    "is the strongest that the rule's tags ask for, else the agent's for what is critical",
    arguments: [
      (.critical, [], .kill, .kill), (.emergency, [], .freeze, .freeze), (.alert, ["files"], .quarantine, .quarantine),
      (.error, [], .kill, .alert), (.debug, [], .kill, .alert), (.critical, [], .alert, .alert),
      (.debug, ["response_kill"], .alert, .kill), (.notice, ["a", "response_quarantine"], .alert, .quarantine),
      (.notice, ["response_freeze", "response_quarantine"], .kill, .quarantine),
      (.critical, ["response_freeze"], .kill, .freeze), (.critical, ["response_alert"], .kill, .alert),
      // These are no words for a response.
      (.critical, ["response_", "response_dance", "response_Kill", "kill"], .freeze, .freeze),
      (.notice, ["response_", "response_dance", "response_Kill", "kill"], .freeze, .alert),
    ] as [(AlertPriority, [String], AgentResponse, AgentResponse)])
  func wanted(priority: AlertPriority, tags: [String], agent: AgentResponse, wanted: AgentResponse) {
    #expect(AgentResponse.wanted(priority: priority, tags: tags, agent: agent) == wanted)
  }
}
