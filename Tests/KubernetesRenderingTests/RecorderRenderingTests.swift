import Documents
import KubernetesRendering
import Manifests
import Testing

@Suite("The recorder that is rendered") struct RecorderRenderingTests {
  @Test("is one writer on one volume that stays", arguments: Rendering.profiles) func single(profile: Values.Profile)
    throws
  {
    let rendering = try Rendering(yaml: "{profile: \(profile), recorder: {storage: 3Gi}}")
    let spec = try #require(rendering.object("StatefulSet", "recorder")?.spec)
    #expect(spec["replicas"]?.number == 1)
    #expect(spec["persistentVolumeClaimRetentionPolicy"]?["whenDeleted"]?.text == "Retain")
    let claim = try #require(spec["volumeClaimTemplates"]?.items.first?["spec"])
    #expect(claim["resources"]?["requests"]?["storage"]?.text == "3Gi")
    #expect(claim["storageClassName"]?.text == "lobstack-encrypted-retained")
    // A second Pod must never write at once.
    #expect(rendering.objects.filter { $0.kind == "HorizontalPodAutoscaler" }.allSatisfy { $0.name != "recorder" })
    let labels = rendering.object("StatefulSet", "recorder")?.podTemplate?["metadata"]?["labels"]?.texts
    #expect(labels?["sidecar.istio.io/inject"] == (profile == .full ? "false" : nil))
    #expect((rendering.object("Service", "recorder-metrics") != nil) == (profile == .full))
  }

  @Test("may ask whose a token is, and nothing else; auditors may read by a role of their own") func rights() throws {
    let rendering = try Rendering.standard(.lean)
    let bindings = rendering.objects.filter { object in
      object.kind.hasSuffix("RoleBinding")
        && object.body["subjects"]?.items.contains { $0["name"]?.text == "recorder" } == true
    }
    #expect(bindings.map(\.name).sorted() == ["lobstack-recorder", "lobstack-recorder-pods"])
    // Pods of agents alone: what others' Pods have in their environment is often secret.
    let places = bindings.filter { $0.name == "lobstack-recorder-pods" }.map { $0.namespace }
    #expect(places == ["lobstack-agents"])
    func rules(_ role: String) throws -> [String] {
      try (rendering.object("ClusterRole", role)?.body["rules"]?.items ?? []).flatMap { rule in
        try (rule["resources"]?.strings() ?? []).flatMap { resource in
          try (rule["verbs"]?.strings() ?? []).map { "\($0) \(resource)" }
        }
      }
    }
    #expect(try rules("lobstack-recorder") == ["create tokenreviews"])
    #expect(try rules("lobstack-recorder-pods") == ["list pods", "watch pods"])
    #expect(try rules("lobstack-auditor") == ["get agents/audit"])
    for role in ["lobstack-agent-viewer", "lobstack-agent-editor"] {
      #expect(try !rules(role).contains { $0.contains("audit") })
    }
  }

  @Test("is called by control planes and sentinels, which have tokens for it alone", arguments: Rendering.profiles)
  func callers(profile: Values.Profile) throws {
    let rendering = try Rendering.standard(profile)
    for (kind, name) in [("Deployment", "control-plane"), ("DaemonSet", "sentinel")] {
      let object = try #require(rendering.object(kind, name))
      let arguments = try object.containers.first?["args"]?.strings() ?? []
      let place = try #require(arguments.firstIndex(of: "--recorder"))
      #expect(arguments[place + 1] == "https://recorder.lobstack-control-plane.svc")
      let volumes = object.podTemplate?["spec"]?["volumes"]?.items ?? []
      let sources = volumes.first { $0["name"]?.text == "recorder" }?["projected"]?["sources"]?.items ?? []
      #expect(sources.first?["serviceAccountToken"]?["audience"]?.text == "lobstack-recorder")
      // Not its key.
      let items = sources.last?[name == "sentinel" ? "configMap" : "secret"]?["items"]?.items ?? []
      #expect(items.map { $0["key"]?.text } == ["ca.crt"])
    }
    let certificate = try #require(
      rendering.objects.first { $0.kind == "Certificate" && $0.name == "recorder" }?.spec)
    #expect(try certificate["dnsNames"]?.strings() == ["recorder.lobstack-control-plane.svc"])
  }

  @Test("hears control planes and sentinels alone, and asks the API server alone", arguments: Rendering.profiles)
  func network(profile: Values.Profile) throws {
    let values = try AgentExample.values(
      "{profile: \(profile), tenants: {acme: }, network: {apiServers: [192.0.2.7/32]}}")
    let objects = try AgentExample.platformObjects(values)
    let namespaces = objects.filter { $0.kind == "Namespace" }.map { ($0.metadata.name, $0.metadata.labels ?? [:]) }
    let network = ClusterNetwork(
      policies: objects.compactMap { $0 as? NetworkPolicy }, namespaces: Dictionary(namespaces) { first, _ in first })
    func place(_ namespace: String, _ name: String) -> ClusterNetwork.Place {
      ClusterNetwork.Place(
        address: "10.244.0.1", namespace: namespace,
        labels: ["app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "lobstack"])
    }
    let recorder = place("lobstack-control-plane", "recorder")
    let (plane, sentinel) = (
      place("lobstack-control-plane", "control-plane"), place("lobstack-sentinel", "sentinel")
    )
    for caller in [plane, sentinel] {
      #expect(network.allows(caller, to: recorder, port: 8443, over: "tcp"))
      #expect(!network.allows(caller, to: recorder, port: 9464, over: "tcp"))
      #expect(!network.allows(recorder, to: caller, port: 8443, over: "tcp"))
    }
    for other in [
      place("lobstack-control-plane", "operator"), place("lobstack-control-plane", "name-server"),
      place("lobstack-agents-acme", "control-plane"), place("elsewhere", "sentinel"),
    ] { #expect(!network.allows(other, to: recorder, port: 8443, over: "tcp")) }
    #expect(network.allows(recorder, to: ClusterNetwork.Place(address: "192.0.2.7"), port: 443, over: "tcp"))
    #expect(!network.allows(recorder, to: ClusterNetwork.Place(address: "1.1.1.1"), port: 443, over: "tcp"))
  }

  @Test("archives onto a volume of its own, and hands checkpoints to a witness, where the values say so")
  func extras() throws {
    let plain = try Rendering.standard(.lean)
    #expect(plain.object("PersistentVolumeClaim", "recorder-archive") == nil)
    let rendering = try Rendering(
      yaml: """
        profile: lean
        recorder:
          archive: {after: 90d, storage: 7Gi}
          witness: {url: 'https://witness.test:8443/kept', addresses: [192.0.2.9/32]}
        """)
    let set = try #require(rendering.object("StatefulSet", "recorder"))
    let arguments = try set.containers.first?["args"]?.strings() ?? []
    for pair in [
      ["--archive", "/var/lib/lobstack-archive"], ["--archive-after", "90d"],
      ["--audit-witness", "https://witness.test:8443/kept"],
      ["--audit-witness-secret-file", "/etc/lobstack-witness/secret"],
    ] {
      let place = try #require(arguments.firstIndex(of: pair[0]))
      #expect(arguments[place + 1] == pair[1])
    }
    let claim = try #require(rendering.object("PersistentVolumeClaim", "recorder-archive")?.spec)
    #expect(claim["storageClassName"]?.text == "lobstack-encrypted-retained")
    #expect(claim["resources"]?["requests"]?["storage"]?.text == "7Gi")
    // A StatefulSet's own templates stay as they are for ever.
    #expect(set.spec?["volumeClaimTemplates"]?.items.count == 1)
    let values = try AgentExample.values(
      "{profile: lean, recorder: {witness: {url: 'https://w.test:8443/', addresses: [192.0.2.9/32]}}}")
    let objects = try AgentExample.platformObjects(values)
    let network = ClusterNetwork(policies: objects.compactMap { $0 as? NetworkPolicy }, namespaces: [:])
    let recorder = ClusterNetwork.Place(
      address: "10.244.0.1", namespace: "lobstack-control-plane",
      labels: ["app.kubernetes.io/name": "recorder", "app.kubernetes.io/part-of": "lobstack"])
    #expect(network.allows(recorder, to: ClusterNetwork.Place(address: "192.0.2.9"), port: 8443, over: "tcp"))
    #expect(!network.allows(recorder, to: ClusterNetwork.Place(address: "192.0.2.9"), port: 443, over: "tcp"))
    #expect(!network.allows(recorder, to: ClusterNetwork.Place(address: "192.0.2.8"), port: 8443, over: "tcp"))
  }
}
