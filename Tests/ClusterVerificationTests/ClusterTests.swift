import AgentModel
import Blueprint
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import TestSupport
import Testing
import Verification

@testable import ClusterVerification

/// A real API server with the platform's documents of profile lean; nothing runs there, and nobody judges but the API
/// server itself.
@Suite(
  "A quick run on an API server",
  .enabled(if: KubernetesServer.isThere, "set KUBE_APISERVER to the path of kube-apiserver"), .serialized)
struct ClusterTests {
  private static let policyDirectory = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "policy").path
  private static let gateway = GatewayConfiguration(arguments: [], files: { _, _ in [:] })
  private static let rights = "rbac.authorization.k8s.io"
  private static let types = [
    "Namespace": ResourceType.namespaces,
    "RuntimeClass": ResourceType(group: "node.k8s.io", plural: "runtimeclasses", isNamespaced: false),
    "PriorityClass": ResourceType(group: "scheduling.k8s.io", plural: "priorityclasses", isNamespaced: false),
    "LimitRange": ResourceType(plural: "limitranges"), "ServiceAccount": ResourceType.serviceAccounts,
    "Role": ResourceType(group: rights, plural: "roles"),
    "ClusterRole": ResourceType(group: rights, plural: "clusterroles", isNamespaced: false),
    "RoleBinding": ResourceType(group: rights, plural: "rolebindings"),
    "ClusterRoleBinding": ResourceType(group: rights, plural: "clusterrolebindings", isNamespaced: false),
    "CustomResourceDefinition": ResourceType(
      group: "apiextensions.k8s.io", plural: "customresourcedefinitions", isNamespaced: false),
    "ValidatingAdmissionPolicy": guards,
    "ValidatingAdmissionPolicyBinding": ResourceType(
      group: "admissionregistration.k8s.io", plural: "validatingadmissionpolicybindings", isNamespaced: false),
  ]
  private static let guards = ResourceType(
    group: "admissionregistration.k8s.io", plural: "validatingadmissionpolicies", isNamespaced: false)

  private func world(_ body: (KubernetesServer, KubernetesClient, ClusterVerify.Options) async throws -> Void)
    async throws
  {
    try await KubernetesServer.with(arguments: ["--allow-privileged=true"]) { server in
      let client = try KubernetesClient(server.configuration(), fieldManager: "test")
      let result: Result<Void, any Error>
      do {
        var values = Values()
        values.profile = .lean
        let policy = try Policy.load(directory: Self.policyDirectory)
        let manifests = try PlatformManifests(
          values: values, texts: PolicyTexts(directory: Self.policyDirectory), rules: policy)
        for case .objects(let objects) in manifests.files.map(\.content) {
          for document in objects {
            let object = try KubernetesObject(encoding: document)
            if let type = Self.types[object.kind] { try await client.apply(object, of: type) }
          }
        }
        var options = ClusterVerify.Options(
          cluster: try server.configuration(), values: values, policy: policy, gateway: Self.gateway)
        // Nothing here empties namespaces.
        options.patience = .zero
        result = .success(try await body(server, client, options))
      } catch { result = .failure(error) }
      try await client.shutdown()
      try result.get()
    }
  }

  private func verdicts(_ options: ClusterVerify.Options, _ only: String...) async throws -> [String: CheckReport] {
    var options = options
    options.only = only
    let report = try await ClusterVerify(options) { _ in }.run()
    return Dictionary(uniqueKeysWithValues: report.checks.map { ($0.id, $0) })
  }

  @Test("proves Pod Security and rights, and fails each where it is taken away", .timeLimit(.minutes(5)))
  func controls() async throws {
    try await world { _, client, options in
      let ids = ["ADM-2-NAMESPACES", "SEC-6-AGENTS", "SEC-6-OPERATOR"]
      var first = try await verdicts(options, ids[0], ids[1], ids[2])
      // The API server takes a moment to follow its policies.
      for _ in 0..<20 where first[ids[0]]?.verdict != .proven {
        try await Task.sleep(for: .milliseconds(500))
        first = try await verdicts(options, ids[0], ids[1], ids[2])
      }
      for id in ids { #expect(first[id]?.verdict == .proven, "\(first[id]?.evidence ?? [])") }

      try await client.patch(
        .merge(["metadata": ["labels": ["pod-security.kubernetes.io/enforce": .null]]]), .namespaces, "lobstack-vault")
      let open = try await verdicts(options, ids[0])[ids[0]]
      #expect(open?.verdict == .failed)
      #expect(open?.evidence.contains { $0.contains("lobstack-vault") } == true)

      func bind(_ name: String, _ role: String, _ account: String, in namespace: String) async throws {
        var binding = KubernetesObject(fields: [
          "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
          "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(role)],
          "subjects": [["kind": "ServiceAccount", "name": .string(account), "namespace": .string(namespace)]],
        ])
        binding.name = name
        try await client.create(
          binding, of: ResourceType(group: Self.rights, plural: "clusterrolebindings", isNamespaced: false))
      }
      try await bind("wide-agent", "cluster-admin", "default", in: "lobstack-agents")
      try await bind("wide-operator", "cluster-admin", "operator", in: "lobstack-control-plane")
      let wide = try await verdicts(options, ids[1], ids[2])
      #expect(wide[ids[1]]?.verdict == .failed)
      #expect(wide[ids[1]]?.evidence.contains { $0.contains("allowed to default") } == true)
      #expect(wide[ids[2]]?.verdict == .failed)
    }
  }

  @Test("fails where no policy judges, but for what the API server refuses itself", .timeLimit(.minutes(5)))
  func admission() async throws {
    try await world { _, _, options in
      let found = try await verdicts(options, "ADM-1", "ADM-2", "ADM-3", "ADM-4", "ADM-5", "ADM-6")
      for id in ["ADM-1", "ADM-5", "ADM-6"] { #expect(found[id]?.verdict == .failed, "\(found[id]?.evidence ?? [])") }
      // Pod Security's, and the LimitRange's.
      for id in ["ADM-2", "ADM-3", "ADM-4"] { #expect(found[id]?.verdict == .proven, "\(found[id]?.evidence ?? [])") }
    }
  }

  @Test("says of probes that nobody runs that they show nothing", .timeLimit(.minutes(5)))
  func noPods() async throws {
    try await world { _, client, options in
      try await client.delete(
        ResourceType(group: "apiextensions.k8s.io", plural: "customresourcedefinitions", isNamespaced: false),
        "agents.lobstack.dev")
      let found = try await verdicts(options, "NET-1", "ISO-1")
      for id in ["NET-1", "ISO-1"] {
        #expect(found[id]?.verdict == .notTestable)
        #expect(found[id]?.evidence.first?.contains("cannot be made") == true)
      }
    }
  }

  @Test("takes away what it made, also when it is ended, and what others left", .timeLimit(.minutes(5)))
  func removal() async throws {
    try await world { server, client, options in
      func marked() async throws -> [KubernetesObject] {
        try await client.list(.namespaces, Selection(labels: RunMark.label)).objects.filter { !$0.isBeingDeleted }
      }
      let task = Task { try await ClusterVerify(options) { _ in }.run() }
      while try await marked().count < 2 { try await Task.sleep(for: .milliseconds(20)) }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(try await marked().isEmpty)

      for (name, start) in [
        ("lobstack-verify-old", Date.now.addingTimeInterval(-3_600)), ("lobstack-verify-new", .now),
        ("of-somebody-else", Date.now.addingTimeInterval(-3_600)),
      ] {
        var namespace = KubernetesObject(fields: ["apiVersion": "v1", "kind": "Namespace"])
        namespace.name = name
        try await client.create(RunMark(id: "0badcafe", at: start).mark(namespace), of: .namespaces)
      }
      let told = try await ClusterVerify.clean(try server.configuration(), values: options.values)
      #expect(try await marked().map(\.name) == ["lobstack-verify-new", "of-somebody-else"])
      #expect(told.count == 1)
      #expect(told.first?.contains("0badcafe, which may be under way") == true)
    }
  }

  @Test("gives what it has stopped back to its manager, and tells of what another has stopped", .timeLimit(.minutes(5)))
  func outage() async throws {
    try await world { server, client, options in
      let names = ["app": JSON.string("operator")]
      var deployment = KubernetesObject(fields: [
        "apiVersion": "apps/v1", "kind": "Deployment",
        "spec": [
          "replicas": 2, "selector": ["matchLabels": .object(names)],
          "template": [
            "metadata": ["labels": .object(names)], "spec": ["containers": [["name": "a", "image": "b"]]],
          ],
        ],
      ])
      let space = options.values.namespaces.controlPlane
      (deployment.name, deployment.namespace) = ("operator", space)
      try await client.apply(deployment, of: .deployments)
      @Sendable func tell(_ count: Int) async throws {
        try await client.patch(
          .merge(["status": ["replicas": .int(count), "readyReplicas": .int(count)]]), .deployments, "operator",
          namespace: space, subresource: "status")
      }
      @Sendable func now() async throws -> KubernetesObject {
        try await client.get(.deployments, "operator", namespace: space)
      }
      try await tell(2)
      let verify = try KubernetesClient(server.configuration(), fieldManager: "lobstack-verify")
      try await verify.use {
        let site = ClusterSite(
          client: verify, mark: .random(at: .now), values: options.values, tenant: .default, outside: "",
          warnings: ServerWarnings(), agentPod: { KubernetesObject(fields: [:]) })
        async let begun: Void = Outage(site: site, name: "operator").begin()
        while try await now()["spec", "replicas"]?.int != 0 { try await Task.sleep(for: .milliseconds(20)) }
        try await tell(0)
        try await begun
        let told = try await site.removal.removeLeftOvers()
        #expect(told.contains { $0.contains("Deployment \(space)/operator is stopped by run \(site.mark.id)") })
        #expect(told.contains { $0.contains("kubectl scale --replicas 2 --namespace \(space) deployments/operator") })
        #expect(try await now()["spec", "replicas"]?.int == 0)
        _ = try await site.removal.removeLeftOvers(at: .now.addingTimeInterval(481))
        #expect(try await now()["spec", "replicas"]?.int == 2)

        // What somebody gave it meanwhile it keeps; what is no enforcer of the platform is nobody's to scale.
        let marks: JSON = [
          "metadata": ["labels": [RunMark.label: "0badcafe"], "annotations": [Outage.replicas: "5"]]
        ]
        try await verify.patch(.merge(marks), .deployments, "operator", namespace: space)
        var other = deployment
        other.name = "web"
        other.change("spec") { $0["replicas"] = 0 }
        (other.labels, other.annotations) = ([RunMark.label: "0badcafe"], [Outage.replicas: "5"])
        try await client.create(other, of: .deployments)
        (other.name, other.namespace) = ("operator", "default")
        try await client.create(other, of: .deployments)
        #expect(await site.removal.restore(RunMark.label).isEmpty)
        for (name, namespace) in [("web", space), ("operator", "default")] {
          let kept = try await client.get(.deployments, name, namespace: namespace)
          #expect(kept["spec", "replicas"]?.int == 0)
        }
      }
      let after = try await now()
      #expect(after["spec", "replicas"]?.int == 2)
      #expect(after.labels[RunMark.label] == nil)
      #expect(after.annotations.keys.filter { $0.hasPrefix("verify.lobstack.dev") }.isEmpty)
      let entries = try await client.fieldManagers(of: .deployments, "operator", in: space).entries
      #expect(entries.compactMap { $0["manager"]?.string }.allSatisfy { $0 == "test" })
      #expect(FieldOwner(among: entries)?.text == "Apply - test")
      // Whoever applies it anew is told of no conflict.
      try await client.apply(deployment, of: .deployments)
    }
  }

  @Test("needs a tenant that there is, and checks that there are") func unknown() async throws {
    try await world { _, _, options in
      var options = options
      options.only = ["ISO-99"]
      await #expect(throws: (any Error).self) { try await ClusterVerify(options) { _ in }.run() }
      options.only = []
      options.tenant = try #require(TenantName("nobody"))
      await #expect(throws: (any Error).self) { try await ClusterVerify(options) { _ in }.run() }
    }
  }
}
