import APIModel
import AgentModel
import Foundation
import Testing

@Suite("An alert in Falco's form") struct AlertFalcoTests {
  private func alert(time: Double = 1_795_756_867.123456) -> AlertResource {
    AlertResource(
      id: "5f8a7d0e-6f5b-4b3c-9d55-0d3c8f1b2a10", time: Date(timeIntervalSince1970: time), rule: "Terminal shell",
      priority: "Warning", source: "syscall", agent: AgentID("acme/bot"), container: "default.0123456789abcdef",
      hostname: "host-1", output: "A shell was spawned (cmd=sh -c \"a\nb\")",
      outputFields: [
        "proc.cmdline": .string("sh -c \"a\nb\""), "proc.pid": .int(42), "evt.rawtime": .unsigned(.max),
        "fd.name": .null,
        "evt.is_wait": .bool(false), "proc.aname": .list(["sh", "python3"]),
      ], tags: ["mitre_execution", "shell"], response: "kill", responseState: .pending)
  }

  @Test("has Falco's members, with their names and types, on one line") func members() throws {
    let line = try alert().falcoLine()
    #expect(!line.contains(UInt8(ascii: "\n")))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    #expect(
      Set(object.keys) == [
        "uuid", "hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time",
      ])
    #expect(object["uuid"] as? String == "5f8a7d0e-6f5b-4b3c-9d55-0d3c8f1b2a10")
    #expect(object["priority"] as? String == "Warning")
    #expect(object["time"] as? String == "2026-11-27T05:21:07.123456000Z")
    #expect(
      object["output"] as? String == "05:21:07.123456000: Warning A shell was spawned (cmd=sh -c \"a\nb\")")
    #expect(object["tags"] as? [String] == ["mitre_execution", "shell"])
    let fields = try #require(object["output_fields"] as? [String: Any])
    #expect(fields["proc.pid"] as? Int == 42)
    #expect(fields["evt.rawtime"] as? UInt64 == .max)
    #expect(fields["fd.name"] is NSNull)
    #expect(fields["evt.is_wait"] as? Bool == false)
    #expect(fields["proc.aname"] as? [String] == ["sh", "python3"])
    #expect(fields["lobstack.agent"] as? String == "acme/bot")
    #expect(fields["lobstack.response"] as? String == "kill")
  }

  @Test(
    "has a time to the microsecond, in nine digits",
    arguments: [
      (0, "1970-01-01T00:00:00.000000000Z"), (1.5, "1970-01-01T00:00:01.500000000Z"),
      (0.000001, "1970-01-01T00:00:00.000001000Z"), (-0.25, "1969-12-31T23:59:59.750000000Z"),
      (1_795_756_799.9999996, "2026-11-27T05:20:00.000000000Z"),
    ])
  func times(seconds: Double, text: String) {
    #expect(alert(time: seconds).falcoTime == text)
  }

  @Test("has the priorities of syslog, in their order, in any case") func priorities() {
    #expect(AlertPriority.allCases.map(\.rawValue) == Array(0...7))
    #expect(AlertPriority("WARNING") == .warning && AlertPriority("info") == .informational)
    #expect(AlertPriority("severe") == nil)
    #expect(AlertPriority.critical < .warning)
  }
}
