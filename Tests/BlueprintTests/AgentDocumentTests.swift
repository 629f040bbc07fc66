import AgentModel
import Blueprint
import Documents
import Faults
import Testing

@Suite("An Agent document") struct AgentDocumentTests {
  static func policy() throws -> Policy {
    let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    return try Policy.load(directory: repository + "/policy")
  }

  static let smallest = """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata:
      name: bot
    spec:
      image: oci:/srv/images/bot:1
    """

  @Test("needs only a name and an image") func defaults() throws {
    let agent = try parseAgent(Self.smallest, source: "a.yaml")
    #expect(agent.id == AgentID("default/bot"))
    #expect(agent.spec.tier == .starter)
    #expect(agent.spec.workspace.size == ByteSize("1Gi"))
    #expect(agent.spec.restartPolicy == .always)
  }

  @Test("carries everything that its owner asks for") func complete() throws {
    let text =
      Self.smallest.replacing("name: bot", with: "name: bot\n  tenant: acme\n  labels: {team: support}") + """

          tier: standard
          command: [/bin/agent, --fast]
          env: {LOG_LEVEL: info}
          workspace: {size: 64Mi}
          ports: {http: 8080}
          secrets: [{name: crm-token}, {name: shared}]
          restartPolicy: OnFailure
        """
    let agent = try parseAgent(text, source: "a.yaml")
    #expect(agent.id == AgentID("acme/bot"))
    #expect(agent.labels == ["team": "support"])
    #expect(agent.spec.command == ["/bin/agent", "--fast"])
    #expect(agent.spec.env == ["LOG_LEVEL": "info"])
    #expect(agent.spec.ports == ["http": 8080])
    #expect(agent.spec.secrets.map(\.description) == ["crm-token", "shared"])
    #expect(agent.spec.restartPolicy == .onFailure)
  }

  @Test(
    "is refused with the place and the reason",
    arguments: [
      ("  tiers: starter", "a.yaml:7 spec.tiers: unknown field 'tiers'"),
      ("  tier: huge", "a.yaml:7 spec.tier: 'huge' is not known"),
      ("  workspace: {size: 1Ki}", "spec.workspace.size: 1Ki is not between 16Mi and 1Ti"),
      ("  workspace: {size: 99999999999999999999Gi}", "is not valid"),
      ("  env: {1A: x}", "'1A' is not the name of an environment variable"),
      ("  env: {A: 1}", "expected text, found a number"),
      ("  ports: {http: 99999}", "99999 is not between 1024 and 65535"),
      ("  ports: {http: 80}", "80 is not between 1024 and 65535"),
      ("  ports: {a: 8080, b: 8080}", "port 8080 is named twice"),
      ("  command: []", "the command is empty"),
      ("  response: shoot", "'shoot' is not known"),
      ("  secrets: [{name: a}, {name: a}]", "secret 'a' is listed twice"),
      ("  secrets: [crm]", "spec.secrets[0]"),
      ("  secrets: [{name: ../x}]", "'../x' is not valid"),
      ("  secrets: [{name: a, path: /b}]", "unknown field 'path'"),
      ("  image: oci:/srv/../etc:1", "the key 'image' is given twice"),
    ])
  func refused(line: String, message: String) throws {
    let fault = try #require(throws: Fault.self) {
      try parseAgent(Self.smallest + "\n" + line + "\n", source: "a.yaml")
    }
    #expect(fault.description.contains(message), "\(fault)")
    #expect(!fault.remedy.isEmpty)
  }

  @Test("has a bounded environment") func environment() throws {
    let text = Self.smallest + "\n  env: {A: \"\(String(repeating: "x", count: 200 << 10))\"}\n"
    let fault = try #require(throws: Fault.self) { try parseAgent(text, source: "a.yaml") }
    #expect(fault.reason.contains("more than 131072"))
  }

  @Test("of a bad name names the rule", arguments: ["Bot", "a_b", "-x", "a/b"])
  func badName(name: String) throws {
    let text = Self.smallest.replacing("name: bot", with: "name: \"\(name)\"")
    let fault = try #require(throws: Fault.self) { try parseAgent(text, source: "a.yaml") }
    #expect(fault.operation == "read a.yaml:4 metadata.name")
    #expect(fault.remedy.contains("DNS label"))
  }
}

@Suite("The blueprint") struct BlueprintTests {
  @Test("closes what every agent must not have") func pod() throws {
    let policy = try AgentDocumentTests.policy()
    let blueprint = Blueprint(agent: try parseAgent(AgentDocumentTests.smallest, source: "a"), policy: policy)
    let container = try #require(blueprint.pod.spec.containers.first)
    #expect(container.securityContext.readOnlyRootFilesystem)
    #expect(!container.securityContext.allowPrivilegeEscalation)
    #expect(!container.securityContext.privileged)
    #expect(container.securityContext.capabilities.drop == ["ALL"])
    #expect(blueprint.pod.spec.securityContext.runAsUser == 10001)
    #expect(!blueprint.pod.spec.automountServiceAccountToken)
    #expect(blueprint.pod.spec.runtimeClassName == "gvisor")
    #expect(container.resources.limits == ["cpu": "1", "memory": "2Gi"])
  }

  @Test("is subject to a policy that denies both ways") func network() throws {
    let policy = try AgentDocumentTests.policy()
    let blueprint = Blueprint(agent: try parseAgent(AgentDocumentTests.smallest, source: "a"), policy: policy)
    #expect(blueprint.networkPolicies.contains { Set($0.spec.policyTypes) == [.ingress, .egress] })
    #expect(blueprint.networkPolicies.allSatisfy { $0.spec.ingress == nil && $0.spec.egress == nil })
    #expect(policy.deniedDestinations.contains("169.254.0.0/16"))
  }

  @Test("cannot be made from a policy that cannot be read") func missing() {
    #expect(throws: Fault.self) { try Policy.load(directory: "/nonexistent") }
  }
}
