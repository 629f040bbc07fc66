import APIModel
import AgentModel
import Foundation
import Testing

@Suite("Admission of a platform", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(5)))
struct AdmissionTests {
  private static func policy(_ action: String) -> String {
    """
    apiVersion: templates.gatekeeper.sh/v1
    kind: ConstraintTemplate
    metadata: {name: teams}
    spec:
      crd: {spec: {names: {kind: Teams}}}
      targets:
        - target: admission.k8s.gatekeeper.sh
          rego: |
            package teams
            violation[{"msg": "name the team", "details": {"field": "metadata.labels.team"}}] {
              not input.review.object.metadata.labels.team
            }
    ---
    apiVersion: constraints.gatekeeper.sh/v1beta1
    kind: Teams
    metadata: {name: team}
    spec:
      enforcementAction: \(action)
      match: {kinds: [{apiGroups: [""], kinds: [Pod]}]}
    """
  }

  @Test("decides what is created, follows its policies as they change, and stops creation while they are broken")
  func life() async throws {
    try await withPlatform { platform in
      let file = "\(platform.layout.policyDirectory)/gatekeeper/teams.yaml"
      func write(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }
      try write(Self.policy("deny"))
      let refused = try await platform.run("agent", "create", "bot", "--image", platform.image)
      #expect(refused.code == 1 && refused.error.contains("[team] name the team (metadata.labels.team)"), "\(refused)")
      #expect(try await platform.run("agent", "get", "bot").code == 1)

      try write(Self.policy("warn"))
      let warned = try await platform.run("agent", "create", "bot", "--image", platform.image).ok()
      #expect(warned.error.contains("warning: [team] name the team"), "\(warned)")
      #expect(try await platform.agent("bot").status.warnings == ["[team] name the team"])

      // What exists is asked about again, and shows what is denied now.
      try write(Self.policy("deny"))
      try await eventually("the agent is found against the policy") {
        let audit: AdmissionResource = try await platform.run("admission", "audit", "-o", "json").ok().json()
        return audit.violations.contains {
          $0.constraint == "team" && $0.action == "deny" && $0.agent.description == "default/bot"
        }
      }
      let layer = try await platform.agent("bot").status.layers.first { $0.layer == "admission" }
      #expect(layer?.state == .failed)

      try write("a: [")
      let broken = try await platform.run("agent", "create", "other", "--image", platform.image)
      #expect(broken.code == 1 && broken.error.contains("policies are broken") && broken.error.contains("teams.yaml"))
      let status = try await platform.run("status")
      #expect(status.output.contains("nothing is created, the policies are broken"), "\(status)")
      try FileManager.default.removeItem(atPath: file)
      try await platform.run("agent", "create", "other", "--image", platform.image).ok()
      let records = try await platform.run("audit", "list", "-o", "json").ok().output
      #expect(records.contains("policy.load") && records.contains("\"admission\""))
    }
  }

  @Test("is asked without a platform: objects, reviews and suites") func commands() async throws {
    let platform = try await TestPlatform()
    defer { try? FileManager.default.removeItem(atPath: platform.directory) }
    let pod =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\nspec: {containers: [{name: c, image: x:1, securityContext: {privileged: true}}]}\n"
    let denied = try await platform.run("admission", "review", "-f", "-", "-o", "json", input: pod)
    #expect(denied.code == 1 && denied.output.contains("no-privileged-containers"), "\(denied)")
    let table = try await platform.run("admission", "review", "-f", "-", input: pod)
    #expect(table.output.contains("Pod n/p  deny") && table.output.contains("0 of 1 allowed"))
    let other = try await platform.run(
      "admission", "review", "-f", "-", input: "apiVersion: v1\nkind: Service\nmetadata: {name: s}")
    #expect(other.code == 0)
    for bad in ["", "a: [", "- x", "kind: Pod"] {
      let outcome = try await platform.run("admission", "review", "-f", "-", input: bad)
      #expect(outcome.code == 1 && outcome.error.contains("remedy:"), "\(outcome)")
    }
    let tested = try await platform.run("admission", "test", "--junit", "\(platform.directory)/junit.xml")
    #expect(tested.code == 0 && tested.output.contains("cases passed"), "\(tested)")
    let junit = try String(contentsOfFile: "\(platform.directory)/junit.xml", encoding: .utf8)
    #expect(junit.contains("<testsuites name=\"lobstack admission test\"") && junit.contains("failures=\"0\""))
    #expect(try await platform.run("admission", "test", "/nonexistent.yaml").code == 1)
  }
}
