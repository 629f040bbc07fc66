import AgentModel
import Documents
import Faults
import NetworkIsolation
import Testing

@Suite("The compiled NetworkPolicies")
struct AllowedFlowsTests {
  private let labels = ["lobstack.dev/agent": "true", "team": "support"]

  private func policy(
    name: String = "p", namespace: String? = nil, selecting: [String: String]? = nil,
    types: [NetworkPolicySpec.PolicyType] = [.ingress, .egress], ingress: [IngressRule]? = nil,
    egress: [EgressRule]? = nil
  ) -> NetworkPolicy {
    NetworkPolicy(
      metadata: ObjectMeta(name: name, namespace: namespace),
      spec: NetworkPolicySpec(
        podSelector: LabelSelector(matchLabels: selecting), policyTypes: types, ingress: ingress, egress: egress))
  }

  private func compile(_ policies: [NetworkPolicy]) throws -> AllowedFlows {
    try allowedFlows(agent: try #require(AgentID("acme/bot")), labels: labels, policies: policies)
  }

  @Test("close both directions when a policy without rules selects the agent")
  func closed() throws {
    #expect(try compile([policy()]) == .none)
    #expect(try compile([policy(selecting: ["lobstack.dev/agent": "true"], ingress: [], egress: [])]) == .none)
  }

  @Test("add up: one policy may close each direction")
  func additive() throws {
    #expect(try compile([policy(types: [.ingress]), policy(types: [.egress])]) == .none)
  }

  @Test("are refused when they leave a direction open")
  func open() throws {
    let cases = [
      [], [policy(types: [.ingress])], [policy(types: [.egress])], [policy(selecting: ["team": "sales"])],
      [policy(namespace: "other")],
    ]
    for policies in cases {
      let fault = try #require(throws: Fault.self) { try compile(policies) }
      #expect(fault.code == .denied)
    }
  }

  @Test("ignore a rule of a direction that the policy does not speak of, and of a policy of somebody else")
  func others() throws {
    #expect(try compile([policy(), policy(types: [.ingress], egress: [EgressRule()])]) == .none)
    #expect(try compile([policy(), policy(selecting: ["team": "sales"], egress: [EgressRule()])]) == .none)
  }

  @Test("are refused when they open a path, with the policy's name and the field")
  func opening() throws {
    let out = try #require(throws: Fault.self) { try compile([policy(), policy(name: "web", egress: [EgressRule()])]) }
    #expect(out.code == .unsupported)
    #expect(out.reason.contains("web") && out.reason.contains("spec.egress[0]"))
    let into = try #require(throws: Fault.self) { try compile([policy(name: "in", ingress: [IngressRule()])]) }
    #expect(into.reason.contains("spec.ingress[0]"))
  }
}
