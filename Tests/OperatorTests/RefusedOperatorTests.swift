import ClusterAgents
import Faults
import JSONValues
import KubernetesAPI
import KubernetesRendering
import TestSupport
import Testing

@testable import Operator

/// Against a real API server: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite(
  "The operator, when it is refused,", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(4)))
struct RefusedOperatorTests {
  private static let roles = ResourceType(
    group: "rbac.authorization.k8s.io", plural: "clusterroles", isNamespaced: false)
  private static let bindings = ResourceType(group: "rbac.authorization.k8s.io", plural: "rolebindings")
  private static let policies = ResourceType(group: "networking.k8s.io", plural: "networkpolicies")

  @Test("names the right that it lacks, makes no Pod without it, and goes on when it has it again") func rights()
    async throws
  {
    try await OperatorWorld.with { world in
      try await world.operated { _ in
        try await world.apply(world.agent("first"))
        try await eventually("the first is made") { try await world.pod("first") != nil }

        let role = try await world.client.get(Self.roles, "lobstack-operator")
        try await take("patch", from: "networkpolicies", role, world)
        try await world.apply(world.agent("bot"))
        try await eventually("the right is named") {
          try await message(.secured, of: "bot", world).contains(#"cannot patch resource "networkpolicies""#)
        }
        #expect(try await world.condition(.secured, of: "bot")?["reason"]?.string == "Refused")
        #expect(try await world.pod("bot") == nil)
        try await give(role, world)
        try await eventually("it is made") { try await world.pod("bot") != nil }

        // Of a deletion, too.
        try await take("delete", from: "pods", role, world)
        try await world.client.delete(AgentObject.type, "bot", namespace: OperatorWorld.namespace)
        try await eventually("the right is named") {
          try await message(.secured, of: "bot", world).contains(#"cannot delete resource "pods""#)
        }
        #expect(try await world.made().contains { $0.hasPrefix("NetworkPolicy/bot") })
        try await give(role, world)
        try await eventually("it is gone") {
          try await world.releaseDeleted()
          return try await world.made().allSatisfy { !$0.contains("bot") }
        }
      }
      // One that may not even look: it must not make anew what is there.
      let binding = try await world.client.get(Self.bindings, "lobstack-operator", namespace: OperatorWorld.namespace)
      try await world.client.delete(Self.bindings, binding.name, namespace: OperatorWorld.namespace)
      let made = try await world.made()
      try await world.operated(["two"]) { _ in
        try await world.apply(world.agent("later"))
        for name in ["later", "first"] {
          try await eventually("\(name) is told", within: .seconds(60)) {
            try await message(.secured, of: name, world).contains("cannot list resource")
          }
        }
        #expect(try await world.made() == made)
        try await world.prepare()
        try await eventually("it is made", within: .seconds(60)) { try await world.pod("later") != nil }
        try await eventually("the first is as before", within: .seconds(60)) {
          try await world.condition(.secured, of: "first")?["status"]?.string == "True"
        }
      }
    }
  }

  @Test("lets Agents of a deleted namespace go, also when its rights go first, and makes those of the next one")
  func namespace() async throws {
    try await OperatorWorld.with { world in
      let namespaces = ResourceType(plural: "namespaces", isNamespaced: false)
      try await world.operated { _ in
        try await world.apply(world.agent("bot"))
        try await eventually("it is made") { try await world.pod("bot") != nil }
      }
      try await world.client.delete(namespaces, OperatorWorld.namespace)
      // What its controller does, which is not here; the order is none.
      try await world.client.delete(Self.bindings, "lobstack-operator", namespace: OperatorWorld.namespace)
      try await world.client.deleteAll(AgentObject.type, namespace: OperatorWorld.namespace, .everything)
      // One that begins only now knows nothing of what is there.
      try await world.operated(["two"]) { _ in
        try await eventually("the Agent is let go", within: .seconds(60)) {
          try await world.client.list(AgentObject.type, namespace: OperatorWorld.namespace).objects.isEmpty
        }
        for type in OwnedType.all where type.source == .kubernetes {
          try await world.client.deleteAll(
            type.resource, namespace: OperatorWorld.namespace, .everything, Deletion(grace: 0))
        }
        try await world.releaseDeleted()
        var namespace = try await world.client.get(namespaces, OperatorWorld.namespace)
        namespace.fields["spec"] = ["finalizers": []]
        try await world.client.replace(namespace, of: namespaces, subresource: "finalize")
        try await eventually("the namespace is gone") {
          do { _ = try await world.client.get(namespaces, OperatorWorld.namespace) } catch let fault as Fault {
            return fault.code == .notFound
          }
          return false
        }
        try await world.prepare()
        try await world.apply(world.agent("bot"))
        try await eventually("it is made again", within: .seconds(60)) { try await world.pod("bot") != nil }
        try await eventually("it is secured") {
          try await world.condition(.secured, of: "bot")?["status"]?.string == "True"
        }
      }
    }
  }

  @Test("holds on to what runs where it may not follow one type any more, and takes a deleted Agent's objects away")
  func unfollowed() async throws {
    try await OperatorWorld.with { world in
      try await ServerLink.with(world.server) { link in
        try await world.operated(connection: OperatorWorld.Connection(port: link.port)) { _ in
          for name in ["bot", "other"] { try await world.apply(world.agent(name)) }
          try await eventually("they are made") { try await pods(world).count == 2 }
          let role = try await world.client.get(Self.roles, "lobstack-operator")
          // That no Agent here has.
          try await take("list", from: "persistentvolumeclaims", role, world)
          link.cut()
          try await eventually("the right is named", within: .seconds(90)) {
            try await message(.secured, of: "bot", world).contains(#"cannot list resource "persistentvolumeclaims""#)
          }
          let pod = try #require(try await world.pod("bot"))
          try await world.client.patch(
            .merge(["metadata": ["labels": ["lobstack.dev/agent": "false"]]]), OwnedType.pods.resource, pod.name,
            namespace: OperatorWorld.namespace)
          try await eventually("its label is as before") {
            try await world.pod("bot")?.labels["lobstack.dev/agent"] == "true"
          }
          #expect(try await world.condition(.secured, of: "bot")?["status"]?.string == "False")
          // Nothing is made.
          try await world.apply(world.agent("later"))
          try await eventually("it is told") {
            try await message(.secured, of: "later", world).contains("cannot list resource")
          }
          #expect(try await world.pod("later") == nil)
          // What may still be deleted is.
          try await world.client.delete(AgentObject.type, "other", namespace: OperatorWorld.namespace)
          try await eventually("it is gone", within: .seconds(60)) {
            try await world.releaseDeleted()
            return try await world.client.list(AgentObject.type, namespace: OperatorWorld.namespace).objects
              .allSatisfy { $0.name != "other" }
          }
          #expect(try await world.made().allSatisfy { !$0.contains("other") })
          try await give(role, world)
          try await eventually("the last is made", within: .seconds(60)) { try await world.pod("later") != nil }
        }
      }
    }
  }

  @Test("names who took over what is a stopped Agent's for a while, and no longer") func stopped() async throws {
    try await OperatorWorld.with { world in
      try await world.operated { _ in
        var agent = world.agent("bot")
        agent.annotations = [AgentObject.stopAnnotation: "true"]
        try await world.apply(agent)
        try await eventually("it is secured") {
          try await world.condition(.secured, of: "bot")?["status"]?.string == "True"
        }
        let other = try KubernetesClient(world.server.configuration(), fieldManager: "opener")
        _ = try await other.use {
          try await other.patch(
            .merge(["spec": ["ingress": [[:]]]]), Self.policies, "bot-agent", namespace: OperatorWorld.namespace)
        }
        try await eventually("they are named") { try await message(.secured, of: "bot", world).contains("opener") }
        try await eventually("they are no more", within: .seconds(90)) {
          try await !message(.secured, of: "bot", world).contains("opener")
        }
      }
    }
  }

  @Test("names who else manages what is its own, and has it be as it was") func managers() async throws {
    try await OperatorWorld.with { world in
      try await world.operated { _ in
        try await world.apply(world.agent("bot", ["ports": ["http": 8080]]))
        try await eventually("it is made") { try await world.pod("bot") != nil }
        let before = try await world.client.get(Self.policies, "bot-agent", namespace: OperatorWorld.namespace)
        let other = try KubernetesClient(world.server.configuration(), fieldManager: "opener")
        _ = try await other.use {
          try await other.patch(
            .merge(["spec": ["ingress": [[:]]]]), Self.policies, "bot-agent", namespace: OperatorWorld.namespace)
        }
        try await eventually("they are named") {
          let message = try await message(.secured, of: "bot", world)
          return message.contains("opener") && message.contains("spec.ingress")
        }
        let condition = try await world.condition(.secured, of: "bot")
        #expect(condition?["status"]?.string == "True" && condition?["reason"]?.string == "Repaired")
        let now = try await world.client.get(Self.policies, "bot-agent", namespace: OperatorWorld.namespace)
        #expect(now["spec"] == before["spec"])
        let events = try await world.client.list(
          ResourceType(group: "events.k8s.io", plural: "events"), namespace: OperatorWorld.namespace)
        #expect(events.objects.contains { $0["reason"]?.string == "Repaired" })
      }
    }
  }

  @Test("makes no Pod before what secures it, whichever of it fails, and though it is killed then") func halfSecured()
    async throws
  {
    try await OperatorWorld.with { world in
      let names = Dictionary(
        uniqueKeysWithValues: (OwnedType.all.filter { $0.source == .kubernetes }).map {
          ($0, "bot-\($0.kind.lowercased())")
        })
      try await fail(names, world)
      try await world.operated { _ in
        for name in names.values { try await world.apply(world.agent(name, ["ports": ["http": 8080]])) }
        // A failure in passing is waited out for half a minute before it is told.
        for (type, name) in names {
          try await eventually("\(name) is told", within: .seconds(90)) {
            try await message(type == .pods ? .ready : .secured, of: name, world).contains("HTTP 500")
          }
        }
        #expect(try await pods(world).isEmpty)
      }
      // It ended within each of these steps, and the next one begins there.
      #expect(try await pods(world).isEmpty)
      try await world.client.delete(Self.webhooks, "test")
      try await world.operated(["two"]) { _ in
        try await eventually("all are made", within: .seconds(60)) {
          try await pods(world).count == names.count
        }
      }
      func version(_ object: KubernetesObject) -> Int { object.resourceVersion.flatMap(Int.init) ?? 0 }
      for pod in try await pods(world) {
        let name = try #require(pod.labels["lobstack.dev/name"])
        let secured = try await world.client.list(
          Self.policies, namespace: OperatorWorld.namespace, Selection(labels: "lobstack.dev/name=\(name)"))
        #expect(secured.objects.count == 2 && secured.objects.allSatisfy { version($0) < version(pod) })
      }
    }
  }

  // MARK: What refuses it

  private static let webhooks = ResourceType(
    group: "admissionregistration.k8s.io", plural: "validatingwebhookconfigurations", isNamespaced: false)

  /// Has the API server fail with 500 for one type of each of some Agents: it asks somebody who is not there.
  private func fail(_ agents: [OwnedType: String], _ world: OperatorWorld) async throws {
    var configuration = KubernetesObject(fields: [
      "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
      "webhooks": .array(
        agents.map { type, name in
          [
            "name": .string("\(type.resource.plural).test.lobstack.dev"),
            "clientConfig": ["url": "https://127.0.0.1:1/"], "sideEffects": "None", "failurePolicy": "Fail",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
            "objectSelector": ["matchLabels": ["lobstack.dev/name": .string(name)]],
            "rules": [
              [
                "apiGroups": [.string(type.resource.group)], "apiVersions": ["v1"],
                "resources": [.string(type.resource.plural)], "operations": ["CREATE"],
              ]
            ],
          ]
        }),
    ])
    configuration.name = "test"
    try await world.client.create(configuration, of: Self.webhooks)
    // It is in force a moment later.
    try await Task.sleep(for: .seconds(2))
  }

  private func take(_ verb: JSON, from plural: JSON, _ role: KubernetesObject, _ world: OperatorWorld) async throws {
    let rules = (role.fields["rules"]?.array ?? []).flatMap { rule -> [JSON] in
      guard rule["resources"]?.array?.contains(plural) == true else { return [rule] }
      var (others, own) = (rule.object ?? [:], rule.object ?? [:])
      others["resources"] = .array((rule["resources"]?.array ?? []).filter { $0 != plural })
      own["resources"] = [plural]
      own["verbs"] = .array((rule["verbs"]?.array ?? []).filter { $0 != verb })
      return [.object(others), .object(own)].filter { $0["resources"]?.array?.isEmpty == false }
    }
    try await world.client.patch(.merge(["rules": .array(rules)]), Self.roles, role.name)
  }

  private func give(_ role: KubernetesObject, _ world: OperatorWorld) async throws {
    try await world.client.patch(.merge(["rules": role.fields["rules"] ?? []]), Self.roles, role.name)
  }

  private func message(_ kind: Condition.Kind, of agent: String, _ world: OperatorWorld) async throws -> String {
    try await world.condition(kind, of: agent)?["message"]?.string ?? ""
  }

  private func pods(_ world: OperatorWorld) async throws -> [KubernetesObject] {
    try await world.client.list(
      OwnedType.pods.resource, namespace: OperatorWorld.namespace, Selection(labels: "lobstack.dev/agent=true")
    ).objects
  }
}
