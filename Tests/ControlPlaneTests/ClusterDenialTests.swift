import APIModel
import AgentModel
import ClusterAgents
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import NIOCore
import Testing

@testable import ControlPlane

private func line(_ time: String, host: String = "evil.example.net", kind: String = "tls", path: String = "/") -> String
{
  #"{"agent":"agent-bot","code":0,"details":null,"flags":"NR","host":"\#(host)","kind":"\#(kind)","#
    + #""path":"\#(path)","time":"\#(time)"}"# + "\n"
}

@Suite("The denials of a log") struct DenialLineTests {
  private let bot = AgentID("default/bot")

  private func denials(_ writer: DenialLines.Writer, _ pieces: [String]) -> [DenialResource] {
    var lines = DenialLines(writer)
    for piece in pieces { lines.add(ByteBuffer(string: piece)) }
    return lines.denials
  }

  @Test("are the agent's whose gateway it is, like ones of a second together, however the bytes come") func gateway()
    throws
  {
    let bot = try #require(bot)
    let text =
      "[2026-01-31 12:00:00.000][1][warning][main] runtime key not found\n" + line("2026-01-31T12:00:00.100Z")
      + line("2026-01-31T12:00:00.900Z") + line("2026-01-31T12:00:01.000Z")
      + line("2026-01-31T12:00:00.950Z", host: "other.example.net") + "{}\n" + #"{"agent":"10.1.2.3","time""#
    let whole = denials(.gateway(of: bot), [text])
    #expect(whole.map(\.count) == [2, 1, 1] && whole.allSatisfy { $0.agent == bot && $0.rule == "proxy-tls" })
    #expect(whole[0].milliseconds == 1_769_860_800_100 && whole[0].source == "agent-bot")
    #expect(denials(.gateway(of: bot), text.map(String.init)) == whole)
    var counted = DenialLines(.gateway(of: bot))
    counted.add(ByteBuffer(string: text))
    #expect(counted.lines == 6 && counted.bytes == text.utf8.count)
  }

  @Test("have nothing that acts in a terminal, nor a line that does not end") func hostile() throws {
    let bot = try #require(bot)
    let odd = denials(.gateway(of: bot), [line("2026-01-31T12:00:00.100Z", host: "a\\u001b[2J\\n{", kind: "http")])
    #expect(odd.map(\.host) == ["a%1B[2j%0A{"])
    let long = line("2026-01-31T12:00:00.100Z", path: String(repeating: "x", count: 100_000))
    #expect(denials(.gateway(of: bot), [long, line("2026-01-31T12:00:00.100Z")]).count == 1)
    #expect(denials(.gateway(of: bot), ["2263", "9999"].map { line("\($0)-01-31T12:00:00.100Z") }).isEmpty)
  }

  @Test("of a name server are whose it says, and of one agent alone where that is asked for") func nameServer() throws {
    let bot = try #require(bot)
    func told(_ agent: AgentID?, _ rule: String, at time: TimeInterval = 1_769_860_800) throws -> String {
      var denial = DenialResource(
        time: Date(timeIntervalSince1970: time), agent: agent, rule: rule, protocol: "dns", source: "10.1.2.3",
        destination: "", port: nil, host: "bot.example.net", count: 3)
      denial.remedy = "pay"
      return String(decoding: try APIJSON.encode(denial), as: UTF8.self) + "\n"
    }
    let text =
      try told(bot, "dns-refused-name") + told(AgentID("acme/bot"), "dns-refused-name") + told(nil, "untold")
      + #"{"level":"info","message":"Names are served"}"# + "\n"
      // The years 1970 and 6000: no page has a place for the latter.
      + told(bot, "early", at: 1) + told(bot, "late", at: 127_174_752_000)
    let all = denials(.nameServer(agent: nil), [text])
    #expect(all.map { $0.agent?.description } == ["default/bot", "acme/bot", nil])
    #expect(all.allSatisfy { $0.remedy == nil && $0.count == 3 })
    #expect(denials(.nameServer(agent: bot), [text]).map(\.agent) == [bot])
  }
}

@Suite("The denials that a page may have") struct DenialWindowTests {
  private func resource(_ agent: String, second: Int) throws -> String {
    let denial = DenialResource(
      time: Date(timeIntervalSince1970: 1_769_860_800 + Double(second)), agent: AgentID(agent),
      rule: "dns-refused-name",
      protocol: "dns", source: "10.1.2.3", destination: "", port: nil, host: "a.example.net", count: 1)
    return String(decoding: try APIJSON.encode(denial), as: UTF8.self) + "\n"
  }

  @Test("are all that is kept of a log, and make the pages that all of it makes") func pages() throws {
    let bot = try #require(AgentID("default/bot"))
    let text = (0..<58).map { number in
      let time = "2026-01-31T12:00:\(number < 10 ? "0" : "")\(number).100Z"
      return line(time) + line(time) + line(time, host: "b.example.net")
    }
    var whole = DenialLines(.gateway(of: bot))
    whole.add(ByteBuffer(string: text.joined()))
    #expect(whole.denials.count == 116)
    var place: DenialPlace?
    var pages = 0
    repeat {
      let window = DenialWindow(after: place, limit: 5, tenants: nil)
      var some = DenialLines(.gateway(of: bot), window)
      var told = DenialLogs.Told()
      for piece in text {
        some.add(ByteBuffer(string: piece))
        #expect(some.denials.count <= 2 * window.most + 1)
      }
      told.add(DenialLogs.Told(denials: whole.denials.filter(window.has)), in: window)
      #expect(told.denials.count <= 2 * window.most + 1 && some.oldest == whole.oldest && some.lines == 174)
      let page = Page(of: whole.denials, after: place, limit: 5)
      for kept in [some.denials, told.denials] {
        let same = Page(of: kept, after: place, limit: 5)
        #expect(same.items == page.items && same.next == page.next)
      }
      place = try page.next.map { DenialPlace(try #require(Int64($0))) }
      pages += 1
    } while place != nil
    #expect(pages == 24)
  }

  @Test("are the caller's: others' push out none of them") func tenants() throws {
    let text =
      try resource("acme/bot", second: 0) + (1..<50).map { try resource("default/bot", second: $0) }.joined()
    let acme = try #require(TenantName("acme"))
    var lines = DenialLines(.nameServer(agent: nil), DenialWindow(after: nil, limit: 2, tenants: [acme]))
    lines.add(ByteBuffer(string: text))
    #expect(lines.denials.map { $0.agent?.description } == ["acme/bot"])
    #expect(Set(lines.agents.keys.map(\.description)) == ["acme/bot", "default/bot"])
  }
}

@Suite("A container whose log tells denials") struct DenialSourceTests {
  private func source(_ status: JSON) throws -> DenialLogs.Source? {
    var fields = status.object ?? [:]
    fields["name"] = "envoy"
    let pod = KubernetesObject(fields: [
      "metadata": ["name": "bot-gateway"], "status": ["containerStatuses": [.object(fields)]],
    ])
    return DenialLogs.Source(
      .gateway(of: try #require(AgentID("default/bot"))), of: pod, in: "agents", container: "envoy")
  }

  @Test("has one unless it never ran, and one that began anew tells so") func states() throws {
    let time: JSON = ["startedAt": "2026-01-31T12:00:00Z"]
    #expect(try source([:]) == nil && source(["state": ["waiting": ["reason": "ContainerCreating"]]]) == nil)
    let first = try #require(try source(["state": ["running": time], "restartCount": 0]))
    #expect(!first.isLater && first.began == Date(timeIntervalSince1970: 1_769_860_800))
    let crashed = try #require(
      try source([
        "state": ["waiting": ["reason": "CrashLoopBackOff"]], "lastState": ["terminated": time], "restartCount": 5,
      ]))
    #expect(crashed.isLater && crashed.began == first.began)
    let read = DenialLines(first.writer)
    #expect(DenialLogs.untold(of: first, read, lines: 300, failure: nil).isEmpty)
    let rows = DenialLogs.untold(of: crashed, read, lines: 300, failure: nil)
    #expect(rows.map(\.rule) == ["unread"] && rows.first?.time == crashed.began)
    #expect(rows.first?.details?.contains("began anew") == true)
  }

  @Test("is told as unread when it is gone", arguments: [Fault.Code.notFound, .invalid, .unavailable])
  func gone(code: Fault.Code) throws {
    let source = try #require(try source(["state": ["running": [:]], "restartCount": 0]))
    let rows = DenialLogs.untold(
      of: source, DenialLines(source.writer), lines: 300,
      failure: Fault(code, operation: "read", reason: "no such node", remedy: "wait"))
    #expect(rows.map(\.agent) == [AgentID("default/bot")] && rows.first?.details?.contains("no such node") == true)
  }
}

@Suite("A page of denials") struct DenialPageTests {
  private func denial(_ milliseconds: Int, _ host: String) -> DenialResource {
    DenialResource(
      time: Date(timeIntervalSince1970: Double(milliseconds) / 1_000), agent: nil, rule: "proxy-tls", protocol: "tcp",
      source: "", destination: "", port: nil, host: host, count: 1)
  }

  @Test("goes on behind the one before, newest first, also within a millisecond and when others come meanwhile")
  func pages() throws {
    let known = [denial(3, "f"), denial(1, "a"), denial(2, "c"), denial(2, "b"), denial(2, "e"), denial(2, "d")]
    for limit in 1...7 {
      var hosts: [String?] = []
      var (place, all): (DenialPlace?, [DenialResource]) = (nil, known)
      for _ in 0..<7 {
        let page = Page(of: all.shuffled(), after: place, limit: limit)
        #expect(page.items.count <= limit)
        hosts += page.items.map(\.host)
        guard let next = page.next else { break }
        // As openapi.json has a cursor.
        #expect(next.wholeMatch(of: /[0-9]{1,18}/) != nil)
        place = DenialPlace(try #require(Int64(next)))
        all.append(denial(4, "new"))
      }
      #expect(hosts == ["f", "b", "c", "d", "e", "a"], "\(limit)")
    }
    #expect(Page(of: [], after: nil, limit: 5).items.isEmpty)
    #expect(Page(of: known, after: DenialPlace(.max), limit: 5).items.count <= 5)
    #expect(Page(of: known, after: DenialPlace(0), limit: 5).items.isEmpty)
  }

  @Test("has a cursor of today that is no longer than the API says") func cursor() {
    let place = DenialPlace(milliseconds: 4_102_444_800_000, told: 250_000)
    #expect("\(place.cursor)".count == 18 && DenialPlace(place.cursor).milliseconds == place.milliseconds)
  }
}

@Suite("The secrets of a cluster") struct ClusterSecretTests {
  private func agent(_ name: String, _ spec: JSON, _ conditions: [String: String] = [:]) throws -> (
    id: AgentID, agent: AgentObject
  ) {
    var image = spec.object ?? [:]
    image["image"] = "docker://registry.example.org/a:1"
    let list = conditions.sorted { $0.key < $1.key }.map { type, status -> JSON in
      ["type": .string(type), "status": .string(status), "observedGeneration": 1]
    }
    let object = KubernetesObject(fields: [
      "apiVersion": "lobstack.dev/v1", "kind": "Agent", "spec": .object(image),
      "metadata": ["name": .string(name), "namespace": "agents", "generation": 1],
      "status": ["conditions": .array(list)],
    ])
    return (try #require(AgentID("default/\(name)")), AgentObject(object: object))
  }

  @Test("are those that documents name, and in use is what somebody runs with") func named() throws {
    let credential: JSON = [
      "egress": [["host": "api.example.org", "credential": ["secret": "key", "header": "x-api-key"]]]
    ]
    let secrets = SecretResource.named(by: [
      try agent("a", ["secrets": [["name": "token"], ["name": "other"]]], ["Ready": "True"]),
      try agent("b", credential, ["Ready": "True", "GatewayReady": "False"]),
      try agent("c", ["secrets": [["name": "token"]]]), try agent("d", ["secrets": "what"]),
    ])
    #expect(
      secrets.map { "\($0.name) \($0.agents ?? []) \($0.inUse == true)" } == [
        "key [b] false", "other [a] true", "token [a, c] true",
      ])
    #expect(secrets.allSatisfy { $0.version == nil && $0.updatedAt == nil && $0.agent == nil })
    let running = SecretResource.named(by: [try agent("b", credential, ["GatewayReady": "True"])])
    #expect(running.map(\.inUse) == [true])
  }
}
