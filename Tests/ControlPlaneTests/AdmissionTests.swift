import APIModel
import Admission
import AgentModel
import Faults
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Storage
import Testing

@testable import ControlPlane

/// Policies of a test, in a directory that is gone afterwards.
private struct PolicyFolder {
  let path = NSTemporaryDirectory() + "lobstack-policies-\(UUID().uuidString)"

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  func write(_ action: String, forbidden: String = "forbidden", to file: String = "policy.yaml") throws {
    let text = """
      apiVersion: templates.gatekeeper.sh/v1
      kind: ConstraintTemplate
      metadata: {name: words}
      spec:
        crd: {spec: {names: {kind: Words}}}
        targets:
          - target: admission.k8s.gatekeeper.sh
            rego: |
              package words
              violation[{"msg": msg, "details": {"field": "metadata.labels.word"}}] {
                input.review.object.metadata.labels.word == "\(forbidden)"
                msg := sprintf("%v: the word is %v", [input.review.userInfo.username, "\(forbidden)"])
              } {
                input.review.object.metadata.labels.word == "\(forbidden)"
                input.review.operation == ""
                msg := "it exists"
              }
      ---
      apiVersion: constraints.gatekeeper.sh/v1beta1
      kind: Words
      metadata: {name: no-word}
      spec: {enforcementAction: \(action), match: {kinds: [{apiGroups: [""], kinds: [Pod]}]}}
      """
    try text.write(toFile: "\(path)/\(file)", atomically: true, encoding: .utf8)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}

@Suite("Admission of agents") struct AdmissionTests {
  private static func document(_ name: String, word: String = "forbidden") -> String {
    "apiVersion: lobstack.dev/v1\nkind: Agent\nmetadata: {name: \(name), labels: {word: \(word)}}\n"
      + "spec: {image: \"dir:/srv/images/test\"}"
  }

  private static func with(
    _ action: String, _ body: @Sendable (Platform, PolicyFolder) async throws -> Void
  ) async throws {
    let folder = try PolicyFolder()
    defer { folder.remove() }
    try folder.write(action)
    try await Platform.with(policies: folder.path) { try await body($0, folder) }
  }

  @Test("refuses what a policy denies: told, recorded, and nothing exists of it") func denied() async throws {
    try await Self.with("deny") { platform, _ in
      try await platform.test { caller in
        let refused = try await caller.send(.post, "/v1/agents", body: Self.document("bad"))
        let problem = try decode(Problem.self, refused)
        #expect(refused.status == .forbidden && problem.fault.code == .denied)
        #expect(problem.fault.reason == "[no-word] root@unix: the word is forbidden (metadata.labels.word)")
        #expect(try await caller.send(.get, "/v1/tenants/default/agents/bad").status == .notFound)
        #expect(
          try await caller.send(.post, "/v1/agents", body: Self.document("good", word: "fine")).status == .created)
        let change = try await caller.send(.put, "/v1/tenants/default/agents/good", body: Self.document("good"))
        #expect(change.status == .forbidden)
        let metrics = try await caller.send(.get, "/metrics")
        #expect(
          metrics.text.contains(
            #"lobstack_admission_violations_total{constraint="Words/no-word",action="deny"} 2"#), "\(metrics.text)")
      }
      #expect(await platform.audit.count("admission", "denied") == 2)
      #expect(await platform.audit.count("agent.create", "allowed") == 1)
    }
  }

  @Test("tells what a policy warns of, and counts what is tried only") func warned() async throws {
    try await Self.with("warn") { platform, folder in
      try await platform.test { caller in
        let created = try await caller.send(.post, "/v1/agents", body: Self.document("bot"))
        #expect(created.status == .created)
        #expect(
          try decode(AgentResource.self, created).status.warnings == ["[no-word] root@unix: the word is forbidden"])
        try folder.write("dryrun")
        let other = try await caller.send(.post, "/v1/agents", body: Self.document("other"))
        #expect(try decode(AgentResource.self, other).status.warnings == nil)
        let found = try decode(AdmissionResource.self, try await caller.send(.get, "/v1/admission"))
        #expect(found.violations.map(\.action).sorted() == ["dryrun", "warn"])
        #expect(found.constraints.map(\.violations) == [2] && found.faults.isEmpty)
      }
    }
  }

  @Test("asks changed policies about what exists, and shows what they deny") func audited() async throws {
    try await Self.with("dryrun") { platform, folder in
      try await platform.test { caller in
        #expect(try await caller.send(.post, "/v1/agents", body: Self.document("bot")).status == .created)
        try await platform.reconcile()
        func layer() async throws -> LayerStatus? {
          try decode(AgentResource.self, try await caller.send(.get, "/v1/tenants/default/agents/bot")).status.layers
            .first { $0.layer == "admission" }
        }
        #expect(try await layer()?.state == .enforced)
        try folder.write("deny")
        try await platform.api.admission.policies.reload()
        #expect(try await layer()?.state == .unknown)
        let audit = AdmissionAudit(gate: platform.api.admission, store: platform.store, logger: platform.api.logger)
        try await audit.audit()
        #expect(try await layer()?.state == .failed)
        let found = try decode(AdmissionResource.self, try await caller.send(.get, "/v1/admission"))
        #expect(found.violations.map(\.message) == ["it exists"] && found.violations.map(\.action) == ["deny"])
        #expect(found.auditedAt != nil)
        #expect(
          try await caller.send(.get, "/metrics").text.contains(
            #"lobstack_admission_violations{constraint="Words/no-word",action="deny"} 1"#))
        // Who is bound to another tenant sees none of it.
        let viewer = try await platform.token(.viewer, tenant: "other")
        let own = try decode(AdmissionResource.self, try await caller.send(.get, "/v1/admission", token: viewer))
        #expect(own.violations.isEmpty && own.constraints.map(\.violations) == [0])
      }
    }
  }

  @Test("creates nothing while the policies are broken, and says why", arguments: ["yaml", "rego", "kind", "gone"])
  func broken(how: String) async throws {
    try await Self.with("dryrun") { platform, folder in
      try await platform.test { caller in
        let policies = platform.api.admission.policies
        let version = policies.state.version
        switch how {
        case "yaml": try "a: [".write(toFile: "\(folder.path)/x.yaml", atomically: true, encoding: .utf8)
        case "rego": try folder.write("deny", forbidden: "\" \"", to: "policy.yaml")
        case "kind": try folder.write("block")
        default: folder.remove()
        }
        let refused = try await caller.send(.post, "/v1/agents", body: Self.document("bot"))
        let problem = try decode(Problem.self, refused)
        #expect(refused.status.kind == .serverError && problem.fault.reason.contains("policies are broken"))
        let status = try decode(PlatformStatus.self, try await caller.send(.get, "/v1/status"))
        let component = try #require(status.components.first { $0.name == "admission" })
        #expect(component.state == "degraded" && component.detail.contains("for what exists, policies"))
        #expect(policies.state.version == version, "the last good ones are kept")
        if how != "gone" {
          try? FileManager.default.removeItem(atPath: "\(folder.path)/x.yaml")
          try folder.write("dryrun")
          #expect(try await caller.send(.post, "/v1/agents", body: Self.document("bot")).status == .created)
        }
      }
      #expect(await platform.audit.count("policy.load", "failed") == 1)
    }
  }

  @Test("asks of a change what it would ask of an agent that is new, and what it was before") func changes()
    async throws
  {
    try await Self.with("deny") { platform, folder in
      let text = try String(contentsOfFile: "\(folder.path)/policy.yaml", encoding: .utf8)
      // As policies do that think of fields which Kubernetes lets nobody change.
      let strict = text.replacing(#"input.review.operation == """#, with: #"input.review.operation != "UPDATE""#)
        .replacing(
          #"msg := "it exists""#,
          with:
            #"msg := "it exists" } { input.review.oldObject.metadata.labels.word == "kept"; msg := "the word is kept""#
        )
        .replacing(
          #"input.review.object.metadata.labels.word == "forbidden""#,
          with: #"input.review.object.metadata.labels.word != "kept""#)
      try strict.write(toFile: "\(folder.path)/policy.yaml", atomically: true, encoding: .utf8)
      try await platform.test { caller in
        #expect(try await caller.send(.post, "/v1/agents", body: Self.document("bot", word: "kept")).status == .created)
        let refused = try await caller.send(
          .put, "/v1/tenants/default/agents/bot", body: Self.document("bot", word: "other"))
        let reason = try decode(Problem.self, refused).fault.reason
        #expect(reason.contains("it exists") && reason.contains("the word is kept"), "\(reason)")
      }
    }
  }

  @Test(
    "creates nothing while a policy is cut short, or its directory is not whole", arguments: ["empty", "half", "moved"])
  func cut(how: String) async throws {
    try await Self.with("deny") { platform, folder in
      let file = "\(folder.path)/policy.yaml"
      let text = try String(contentsOfFile: file, encoding: .utf8)
      switch how {
      case "empty": try "".write(toFile: file, atomically: true, encoding: .utf8)
      case "half":
        let template = text.split(separator: "---\n")[0]
        try String(template).write(toFile: file, atomically: true, encoding: .utf8)
      default:
        try FileManager.default.createDirectory(atPath: "\(folder.path)/team", withIntermediateDirectories: true)
        try FileManager.default.moveItem(atPath: file, toPath: "\(folder.path)/team/policy.yaml")
      }
      try await platform.test { caller in
        let refused = try await caller.send(.post, "/v1/agents", body: Self.document("bot", word: "fine"))
        #expect(try decode(Problem.self, refused).fault.reason.contains("policies are broken"))
      }
    }
  }

  @Test("creates nothing when there were never any policies") func never() async throws {
    try await Platform.with(policies: "/nonexistent") { platform in
      try await platform.test { caller in
        let refused = try await caller.send(.post, "/v1/agents", body: Self.document("bot"))
        #expect(try decode(Problem.self, refused).fault.reason.contains("it cannot be listed"))
        let status = try decode(PlatformStatus.self, try await caller.send(.get, "/v1/status"))
        #expect(status.components.first { $0.name == "admission" }?.state == "down")
      }
    }
  }

  @Test("creates nothing when a policy cannot be asked") func failing() async throws {
    try await Self.with("dryrun") { platform, folder in
      let text = try String(contentsOfFile: "\(folder.path)/policy.yaml", encoding: .utf8)
      let slow = text.replacing("msg := \"it exists\"", with: "msg := count(numbers.range(1, 100000000))")
        .replacing("input.review.operation == \"\"", with: "true")
      try slow.write(toFile: "\(folder.path)/policy.yaml", atomically: true, encoding: .utf8)
      try await platform.test { caller in
        let refused = try await caller.send(.post, "/v1/agents", body: Self.document("bot"))
        let reason = try decode(Problem.self, refused).fault.reason
        #expect(reason.contains("a policy could not be asked") && reason.contains("takes too long"), "\(reason)")
      }
    }
  }
}

extension TestResponse {
  fileprivate var text: String { String(buffer: body) }
}
