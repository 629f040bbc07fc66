import AgentModel
import Documents
import Faults
import Foundation
import Testing

@testable import Node

@Suite("What the node proxy is told of an agent") struct ProxyIntentTests {
  private let agent = AgentID("acme/bot")

  private func entry(_ host: String, secret: String? = nil) -> ServiceEntry {
    ServiceEntry(
      metadata: ObjectMeta(
        name: "e",
        annotations: secret.map { [credentialSecretAnnotation: $0, credentialHeaderAnnotation: "x-api-key"] }),
      spec: ServiceEntrySpec(hosts: [host], ports: [], resolution: "DNS"))
  }

  private func allow(
    _ principal: String, _ host: String, methods: [String]? = nil, ports: [String]? = ["443"]
  ) -> AuthorizationPolicy {
    AuthorizationPolicy(
      metadata: ObjectMeta(name: "p"),
      spec: AuthorizationPolicySpec(rules: [
        AuthorizationRule(
          from: [AuthorizationRule.From(source: AuthorizationRule.Source(principals: [principal]))],
          to: [
            AuthorizationRule.To(
              operation: AuthorizationRule.Operation(hosts: [host], ports: ports, methods: methods))
          ])
      ]))
  }

  private func intent(_ entries: [ServiceEntry], _ policies: [AuthorizationPolicy]) throws -> ProxyIntent {
    try ProxyIntent(
      agent: try #require(agent), domain: .default, serviceEntries: entries, authorizationPolicies: policies)
  }

  @Test("is nothing where no document opens anything") func nothing() throws {
    let intent = try intent([entry("a.example.com")], [])
    #expect(intent.egress.isEmpty && !intent.allowsGateway)
  }

  @Test("is the hosts that a policy allows to the agent's own principal") func own() throws {
    let own = "lobstack.local/ns/acme/agent/bot"
    let intent = try intent(
      [entry("a.example.com", secret: "key"), entry("b.example.com")],
      [allow(own, "a.example.com", methods: ["POST"]), allow("lobstack.local/ns/acme/agent/other", "b.example.com")])
    #expect(intent.egress.map(\.host.description) == ["a.example.com"])
    #expect(intent.egress[0].credential?.secret.description == "key" && intent.egress[0].methods == ["POST"])
  }

  @Test("opens a host until its time is over") func expires() throws {
    var limited = entry("a.example.com")
    limited.metadata.annotations = [expiryAnnotation: "2026-12-01T12:00:00Z"]
    let own = "lobstack.local/ns/acme/agent/bot"
    let intent = try intent(
      [limited, entry("b.example.com")], [allow(own, "a.example.com"), allow(own, "b.example.com")])
    let end = Date(timeIntervalSince1970: 1_796_126_400)
    #expect(intent.egress(at: end - 1).map(\.host.description) == ["a.example.com", "b.example.com"])
    #expect(intent.egress(at: end).map(\.host.description) == ["b.example.com"])
    limited.metadata.annotations = [expiryAnnotation: "never"]
    #expect(throws: Fault.self) { try self.intent([limited], [allow(own, "a.example.com")]) }
  }

  @Test("is refused for what the proxy does not enforce") func unsupported() throws {
    let own = "lobstack.local/ns/acme/agent/bot"
    for (entries, policy) in [
      ([], allow(own, "a.example.com")), ([entry("a.example.com")], allow(own, "a.example.com", ports: ["8443"])),
      ([entry("*.com")], allow(own, "*.com")),
    ] { #expect(throws: Fault.self) { try intent(entries, [policy]) } }
  }

  @Test("lets the gateway in, and nobody else") func ingress() throws {
    func policy(_ principal: String) -> AuthorizationPolicy {
      AuthorizationPolicy(
        metadata: ObjectMeta(name: "in"),
        spec: AuthorizationPolicySpec(
          selector: LabelSelector(matchLabels: ["lobstack.dev/agent": "true"]),
          rules: [
            AuthorizationRule(
              from: [AuthorizationRule.From(source: AuthorizationRule.Source(principals: [principal]))])
          ]))
    }
    #expect(try intent([], [policy("cluster.local/ns/system/gateway")]).allowsGateway)
    for other in ["*", "cluster.local/ns/acme/agent/bot", "evil.local/ns/system/gateway"] {
      #expect(throws: Fault.self) { try intent([], [policy(other)]) }
    }
  }
}
