import AgentModel
import Blueprint
import Documents
import Faults
import Foundation
import Testing

@Suite("An agent's egress") struct EgressTests {
  private func agent(_ egress: String, env: String = "") throws -> Agent {
    try parseAgent("\(AgentDocumentTests.smallest)\n\(env)  egress:\n\(egress)\n", source: "a.yaml")
  }

  private static let whole = """
        - host: api.anthropic.com
          credential: {secret: anthropic, header: X-API-Key}
          methods: [POST]
          paths: [/v1/messages, /v1/files/*]
        - host: "*.googleapis.com"
          expires: 2026-12-01T12:00:00Z
    """

  @Test("is read whole") func whole() throws {
    let egress = try agent(Self.whole).spec.egress
    #expect(egress.map(\.host.description) == ["api.anthropic.com", "*.googleapis.com"])
    #expect(egress[0].credential?.header == "x-api-key" && egress[0].credential?.prefix == "")
    #expect(egress[0].methods == ["POST"] && egress[0].paths == ["/v1/messages", "/v1/files/*"])
    #expect(egress[1].credential == nil && egress[0].expires == nil)
    #expect(egress[1].expires?.date == Date(timeIntervalSince1970: 1_796_126_400))
    #expect(egress[1].isOpen(at: Date(timeIntervalSince1970: 1_796_126_399)))
    #expect(!egress[1].isOpen(at: Date(timeIntervalSince1970: 1_796_126_400)))
  }

  @Test("as the API prints it is read as the same") func roundTrip() throws {
    let egress = try agent(Self.whole).spec.egress
    let printed = String(decoding: try JSONEncoder().encode(egress), as: UTF8.self)
    let again = try parseAgent("\(AgentDocumentTests.smallest)\n  egress: \(printed)\n", source: "a.yaml")
    #expect(again.spec.egress == egress)
  }

  @Test("adds 'Bearer ' to the header authorization, unless it says otherwise") func bearer() throws {
    let bearer = try agent("    - {host: a.example.com, credential: {secret: s, header: Authorization}}")
    #expect(bearer.spec.egress[0].credential?.prefix == "Bearer ")
    let basic = try agent(
      "    - {host: a.example.com, credential: {secret: s, header: authorization, prefix: 'Basic '}}")
    #expect(basic.spec.egress[0].credential?.prefix == "Basic ")
  }

  @Test(
    "is refused with place and reason",
    arguments: [
      ("    - {host: '*.com'}", "a.yaml:8 spec.egress[0].host: '*.com' is not valid"),
      ("    - {host: 10.0.0.1}", "'10.0.0.1' is not valid"),
      ("    - {host: 'a.example.com:8443'}", "is not valid"),
      ("    - {hosts: a.example.com}", "the field spec.egress[0].host is missing"),
      ("    - {host: a.example.com, expires: tomorrow}", "'tomorrow' is not valid"),
      ("    - {host: a.example.com, expires: '2026-12-01 12:00'}", "is not valid"),
      ("    - {host: a.example.com, expires: '2026-12-01T12:00:00+01:00'}", "is not valid"),
      ("    - {host: a.example.com, expires: '2026-02-30T12:00:00Z'}", "is not valid"),
      ("    - {host: a.example.com}\n    - {host: a.example.com}", "overlaps 'a.example.com'"),
      ("    - {host: '*.example.com'}\n    - {host: a.example.com}", "overlaps '*.example.com'"),
      ("    - {host: a.example.com, methods: [GET]}", "passes through untouched"),
      ("    - {host: a.example.com, paths: [/x]}", "passes through untouched"),
      (
        "    - {host: '*.example.com', credential: {secret: s, header: x-key}}", "would go to hosts that nobody listed"
      ),
      ("    - {host: a.example.com, credential: {secret: s, header: host}}", "cannot carry a credential"),
      ("    - {host: a.example.com, credential: {secret: s, header: 'x y'}}", "cannot carry a credential"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-forwarded-for}}", "cannot carry a credential"),
      ("    - {host: a.example.com, credential: {secret: '../s', header: x-key}}", "is not valid"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key, prefix: \"a\\nb\"}}", "not printable"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key}, methods: [connect]}", "is not valid"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key}, methods: [PROPFIND]}", "one of GET, HEAD"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key}, methods: [TRACE]}", "is not valid"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key}, methods: []}", "0 entries"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key}, paths: [/a/../b]}", "is not valid"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key}, paths: [/a%2fb]}", "is not valid"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key}, paths: ['/a*']}", "is not valid"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key}, paths: [//a]}", "is not valid"),
      ("    - {host: a.example.com, credential: {secret: s, header: x-key}, paths: ['/a?b']}", "is not valid"),
    ])
  func refused(text: String, reason: String) throws {
    let fault = try #require(throws: Fault.self) { try agent(text) }
    #expect("\(fault)".contains(reason), "\(fault)")
  }

  @Test("is at most 64 hosts") func bounded() throws {
    let line = { (number: Int) in "    - {host: h\(number).example.com}" }
    #expect(try agent((0..<64).map(line).joined(separator: "\n")).spec.egress.count == 64)
    #expect(throws: Fault.self) { try agent((0..<65).map(line).joined(separator: "\n")) }
  }

  @Test("is at most 256 paths in all") func boundedPaths() throws {
    let paths = (0..<32).map { "/p\($0)" }.joined(separator: ", ")
    let line = { (number: Int) in
      "    - {host: h\(number).example.com, credential: {secret: s, header: x-key}, paths: [\(paths)]}"
    }
    #expect(try agent((0..<8).map(line).joined(separator: "\n")).spec.egress.count == 8)
    #expect(throws: Fault.self) { try agent((0..<9).map(line).joined(separator: "\n")) }
  }

  @Test("becomes ServiceEntries and an AuthorizationPolicy of the agent's own principal") func documents() throws {
    let blueprint = Blueprint(agent: try agent(Self.whole), policy: try AgentDocumentTests.policy())
    #expect(blueprint.serviceEntries.map(\.spec.hosts) == [["api.anthropic.com"], ["*.googleapis.com"]])
    #expect(blueprint.serviceEntries.map(\.spec.resolution) == ["DNS", "NONE"])
    #expect(blueprint.serviceEntries[0].metadata.annotations?[credentialSecretAnnotation] == "anthropic")
    let policy = try #require(blueprint.authorizationPolicies.first { $0.metadata.name == "bot-egress" })
    #expect(policy.spec.rules.count == 2)
    let rule = policy.spec.rules[0]
    #expect(rule.from?.map(\.source.principals) == [["lobstack.local/ns/default/agent/bot"]])
    #expect(rule.to?.map(\.operation.methods) == [["POST"]])
    #expect(blueprint.authorizationPolicies.contains { $0.metadata.name == "agent-ingress" })
    #expect(!blueprint.authorizationPolicies.contains { $0.metadata.name == "platform-api" })
  }

  @Test("sets the SDKs' variables for hosts with a credential, with no key among them") func environment() throws {
    let policy = try AgentDocumentTests.policy()
    let blueprint = Blueprint(agent: try agent(Self.whole), policy: policy)
    let env = Dictionary(
      (blueprint.pod.spec.containers.first?.env ?? []).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    #expect(env["ANTHROPIC_BASE_URL"] == "http://api.anthropic.com.lobstack.internal")
    #expect(env["ANTHROPIC_API_KEY"] == Providers.placeholder)
    #expect(env["OPENAI_BASE_URL"] == nil)
    let own = Blueprint(
      agent: try agent(Self.whole, env: "  env: {ANTHROPIC_BASE_URL: 'http://mine'}\n"), policy: policy)
    #expect(own.pod.spec.containers.first?.env.contains { $0.value == "http://mine" } == true)
  }
}
