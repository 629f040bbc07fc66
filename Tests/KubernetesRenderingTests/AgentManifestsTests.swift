import AgentModel
import Documents
import Faults
import Foundation
import KubernetesRendering
import Testing

@Suite("An agent on a cluster") struct AgentManifestsTests {
  private static let istioKinds: Set = ["AuthorizationPolicy", "ServiceEntry"]

  @Test("has everything that bounds it before its gateway, and its Pod at the end") func order() throws {
    let kinds = try AgentExample.manifests(try AgentExample.agent()).objects.map(\.kind)
    #expect(
      kinds == [
        "ServiceAccount", "NetworkPolicy", "NetworkPolicy", "AuthorizationPolicy", "ServiceEntry", "ServiceEntry",
        "SecretProviderClass", "SecretProviderClass", "PersistentVolumeClaim", "ConfigMap", "Service", "Deployment",
        "Service", "Pod",
      ])
  }

  @Test("has no object of Istio's in the lean profile, and a way in for the platform's ingress alone") func lean()
    throws
  {
    let values = try AgentExample.values("profile: lean\ntenants: {acme: }")
    let objects = try AgentExample.manifests(try AgentExample.agent(), values: values).objects
    #expect(objects.allSatisfy { !Self.istioKinds.contains($0.kind) })
    let rules = objects.compactMap { $0 as? NetworkPolicy }.flatMap { $0.spec.ingress ?? [] }
    #expect(Set(rules.flatMap { $0.ports ?? [] }.compactMap(\.port)) == [8080, 8765, 15080, 15443, 15081])
    let callers = rules.filter { $0.ports?.contains { $0.port == 15081 } == true }.flatMap { $0.from ?? [] }
    #expect(callers.map { $0.podSelector?.matchLabels?["app.kubernetes.io/name"] } == ["agent-ingress"])
    let namespace = callers.first?.namespaceSelector?.matchLabels
    #expect(namespace == ["kubernetes.io/metadata.name": "lobstack-control-plane"])
  }

  /// Requests have the host that the caller asked for, which no Service has: seen to be 502 in Istio.
  @Test("is led to by its ports, whatever host a request is for") func plainPorts() throws {
    let objects = try AgentExample.manifests(try AgentExample.agent()).objects
    let service = try AgentExample.fields(
      try #require(objects.first { $0.kind == "Service" && $0.metadata.name.hasPrefix("agent-") }))
    let ports = try #require((service["spec"] as? [String: Any])?["ports"] as? [[String: Any]])
    #expect(ports.compactMap { $0["appProtocol"] as? String } == ["tcp", "tcp"])
  }

  @Test("shares no name with another agent, and has none that is too long") func names() throws {
    let long = String(repeating: "a", count: 62)
    let all = [
      "a", "a-gateway", "a-agent", "a-workspace", "a-secrets", "a-credentials", "a-egress-0", "agent-a", "gateway-a",
      "agentx-a", "0", "\(long)b", "\(long)c", String(repeating: "b", count: 55),
      String(repeating: "b", count: 56),
    ]
    var seen: [String: String] = [:]
    for name in all {
      for object in try AgentExample.manifests(try AgentExample.agent(name)).objects {
        let key = "\(object.kind)/\(object.metadata.name)"
        #expect(seen.updateValue(name, forKey: key) == nil, "\(key)")
        let longest = object.kind == "Service" || object.kind == "Pod" ? 63 : 253
        #expect(object.metadata.name.utf8.count <= longest, "\(key)")
        #expect(isDNSLabel(object.metadata.name, longest: longest), "\(key)")
        if object.kind == "Service" { #expect(object.metadata.name.first?.isLetter == true, "\(key)") }
      }
    }
  }

  @Test(
    "is refused by a name that is another's, and by ports that a cluster cannot name",
    arguments: [("default", "http"), ("bot", "80"), ("bot", "a--b")])
  func refused(name: String, port: String) throws {
    var agent = try AgentExample.agent(name, tenant: "acme")
    agent.spec.ports = [port: 8080]
    let fault = try #require(throws: Fault.self) { try AgentExample.manifests(agent) }
    #expect(fault.code == .invalid && "\(fault)".contains("acme/\(name)"))
  }

  @Test("runs with all that the Pod asks of a cluster") func pod() throws {
    var agent = try AgentExample.agent("one", tenant: "acme", "  tier: standard")
    agent.labels = ["sidecar.istio.io/inject": "true", "istio.io/dataplane-mode": "ambient", "team": "support"]
    let manifests = try AgentExample.manifests(agent)
    let pod = try AgentExample.fields(try #require(manifests.objects.last))
    let spec = try #require(pod["spec"] as? [String: Any])
    let metadata = try #require(pod["metadata"] as? [String: Any])
    #expect(metadata["namespace"] as? String == "lobstack-agents-acme")
    let labels = try #require(metadata["labels"] as? [String: String])
    #expect(labels["sidecar.istio.io/inject"] == "false" && labels["istio.io/dataplane-mode"] == nil)
    #expect(labels["team"] == "support" && labels["lobstack.dev/agent"] == "true")
    #expect(spec["runtimeClassName"] as? String == "gvisor" && spec["dnsPolicy"] as? String == "None")
    #expect((spec["dnsConfig"] as? [String: Any])?["nameservers"] as? [String] == ["10.96.0.53"])
    #expect(spec["automountServiceAccountToken"] as? Bool == false && spec["serviceAccountName"] as? String == "one")
    let container = try #require((spec["containers"] as? [[String: Any]])?.first)
    #expect(container["image"] as? String == "registry.example.com/agents/one:1.4")
    let limits = (container["resources"] as? [String: Any])?["limits"] as? [String: String]
    #expect(limits == ["cpu": "2", "memory": "4Gi"])
  }

  @Test("starts nothing of the agent's before its policies are in force") func isolation() throws {
    let agent = try AgentExample.agent("one", tenant: "acme")
    let pod = try AgentExample.fields(try #require(AgentExample.manifests(agent).objects.last))
    let spec = try #require(pod["spec"] as? [String: Any])
    let gates = try #require(spec["initContainers"] as? [[String: Any]])
    let container = try #require((spec["containers"] as? [[String: Any]])?.first)
    #expect(
      gates.map { $0["command"] as? [String] } == [
        ["/usr/bin/lobstack", "await-isolation", "--open", "\(Values().network.nameServer):53"]
      ])
    #expect(gates.first?["image"] as? String == Values().images.lobstack)
    // What it may is no more than what the agent may, and it sees nothing of the agent's.
    for field in ["securityContext", "resources"] {
      #expect(
        NSDictionary(dictionary: try #require(gates.first?[field] as? [String: Any])) == container[field]
          as? NSDictionary)
    }
    #expect(
      (gates.first?["volumeMounts"] as? [Any])?.isEmpty == true && (gates.first?["env"] as? [Any])?.isEmpty == true)
  }

  @Test("has its workspace as its home, unless its document says otherwise") func home() throws {
    func home(_ more: String) throws -> [String] {
      let agent = try AgentExample.agent("one", tenant: "acme", more)
      let pod = try AgentExample.fields(try #require(AgentExample.manifests(agent).objects.last))
      let container = try #require(((pod["spec"] as? [String: Any])?["containers"] as? [[String: Any]])?.first)
      let env = try #require(container["env"] as? [[String: String]])
      return env.filter { $0["name"] == "HOME" }.compactMap { $0["value"] }
    }
    #expect(try home("") == ["/workspace"])
    #expect(try home("  env: {HOME: /tmp}") == ["/tmp"])
  }

  @Test("can be a Sandbox of agent-sandbox with the same Pod in it") func sandbox() throws {
    var options = AgentManifests.Options()
    options.usesSandboxes = true
    let agent = try AgentExample.agent()
    let sandbox = try AgentExample.fields(try #require(AgentExample.manifests(agent, options: options).objects.last))
    let pod = try AgentExample.fields(try #require(AgentExample.manifests(agent).objects.last))
    #expect(sandbox["apiVersion"] as? String == "agents.x-k8s.io/v1beta1" && sandbox["kind"] as? String == "Sandbox")
    let template = try #require((sandbox["spec"] as? [String: Any])?["podTemplate"] as? [String: Any])
    func text(_ value: Any?) throws -> Data {
      try JSONSerialization.data(withJSONObject: try #require(value), options: .sortedKeys)
    }
    #expect(try text(template["spec"]) == text(pod["spec"]))
    let labels = (template["metadata"] as? [String: Any])?["labels"] as? [String: String]
    #expect(labels == (pod["metadata"] as? [String: Any])?["labels"] as? [String: String])
    // The values can say so for all of them.
    let values = try AgentExample.values("sandboxes: true\ntenants: {acme: }")
    let byValues = try AgentExample.fields(try #require(AgentExample.manifests(agent, values: values).objects.last))
    #expect(try text(byValues) == text(sandbox))
  }

  @Test("reads its own secrets and its tenant's, and none of the credentials that its gateway adds") func secrets()
    throws
  {
    var options = AgentManifests.Options()
    options.ownSecrets = [try #require(SecretName("own"))]
    let objects = try AgentExample.manifests(try AgentExample.agent(), options: options).objects
    let classes = try objects.filter { $0.kind == "SecretProviderClass" }.map { object in
      let spec = try #require(AgentExample.fields(object)["spec"] as? [String: Any])
      let parameters = try #require(spec["parameters"] as? [String: String])
      return (object.metadata.name, try #require(parameters["objects"]))
    }
    #expect(classes.map(\.0) == ["one-secrets", "one-credentials"])
    #expect(
      classes[0].1 == """
        - objectName: "crm-token"
          secretPath: "secret/data/lobstack/tenant/acme/crm-token"
          secretKey: "value"
        - objectName: "own"
          secretPath: "secret/data/lobstack/agent/acme.one/own"
          secretKey: "value"

        """)
    #expect(classes[1].1.contains("lobstack/tenant/acme/key") && !classes[1].1.contains("crm"))
    let pod = try #require(objects.last.map { try AgentExample.fields($0) })
    #expect(!"\(pod)".contains("one-credentials"))
  }

  @Test("loses a host when its time is over, and says when that is") func expiry() throws {
    let agent = try AgentExample.agent()
    let before = try AgentExample.manifests(agent)
    #expect(before.changesAt?.description == "2026-12-01T00:00:00Z")
    let after = try AgentExample.manifests(agent, now: try #require(before.changesAt).date)
    #expect(after.changesAt == nil)
    #expect(try before.file.text().contains("files.example.com"))
    #expect(try !after.file.text().contains("files.example.com"))
  }

  @Test(
    "is refused with the remedy when no cluster can run it",
    arguments: [
      ("image: docker://registry.example.com/agents/one:1.4", "image: oci:/srv/one:1", "skopeo copy oci:/srv/one:1"),
      ("image: docker://registry.example.com/agents/one:1.4", "image: dir:/srv/one", "make an image"),
      ("tenant: acme", "tenant: other", "add 'other:'"),
    ]) func refused(field: String, change: String, remedy: String) throws
  {
    let agent = try AgentExample.agent()
    var changed = agent
    if change.hasPrefix("image") {
      changed.spec.image = try #require(ImageReference(String(change.dropFirst("image: ".count))))
    } else {
      changed.id = try #require(AgentID("other/one"))
    }
    let fault = try #require(throws: Fault.self) { try AgentExample.manifests(changed) }
    #expect(fault.remedy.contains(remedy), "\(fault)")
  }

  @Test("fits into a ConfigMap with as many hosts and paths as an agent may have") func largest() throws {
    var agent = try AgentExample.agent()
    agent.spec.egress = try (0..<64).map { index in
      let host = "\(String(repeating: "a", count: 60))\(index).\(String(repeating: "b", count: 60)).example.com"
      return EgressAllowance(
        host: try #require(HostPattern(host)),
        credential: .init(secret: try #require(SecretName("key-\(index)")), header: "x-api-key"),
        methods: EgressAllowance.knownMethods,
        paths: (0..<4).map { "/\(String(repeating: "p", count: 250))\($0)/*" })
    }
    let map = try #require(AgentExample.manifests(agent).objects.first { $0.kind == "ConfigMap" })
    let data = try #require(AgentExample.fields(map)["data"] as? [String: String])
    #expect(data.values.reduce(0) { $0 + $1.utf8.count } < 1 << 20)
  }

  @Test("is the same for the same agent, byte by byte") func deterministic() throws {
    let agent = try AgentExample.agent()
    #expect(try AgentExample.manifests(agent).file.text() == AgentExample.manifests(agent).file.text())
  }
}
