import AgentModel
import Faults
import KubernetesRendering
import Testing

@Suite("A values file") struct ValuesTests {
  @Test("says what differs from the defaults") func differences() throws {
    #expect(try Values("", source: "v") == Values())
    let values = try Values(
      """
      profile: lean
      domain: agents.example.org
      controlPlane: {least: 5}
      vault: {replicas: 5, storage: 20Gi}
      tiers: {starter: {cpu: 500m, memory: 1Gi}}
      sandboxes: true
      storage: {provisioner: rancher.io/local-path}
      network: {nameServer: 10.43.0.53, apiServers: [192.0.2.0/28]}
      tenants:
        default: {agents: 10}
        acme:
      """, source: "v")
    #expect(values.sandboxes && !Values().sandboxes)
    #expect(values.storage.provisioner == "rancher.io/local-path")
    #expect(values.profile == .lean && values.domain == "agents.example.org")
    #expect(values.controlPlane.least == 5 && values.controlPlane.most == 20)
    #expect(values.vault.replicas == 5 && values.tiers[.starter]?.cpu == "500m")
    #expect(values.tenants.keys.sorted().map(\.description) == ["acme", "default"])
    #expect(values.tenants[.default]?.agents == 10)
  }

  @Test("gives tenants no more than there are numbers for, and the largest of all") func largest() throws {
    let values = try Values(
      "tenants: {default: {agents: 100000, cpu: 999999, memory: 9223372036854775807, storage: 9223372036854775807}}",
      source: "v")
    let hard = try #require(
      try Rendering(values).objects.first { $0.kind == "ResourceQuota" && $0.namespace == "lobstack-agents" }?
        .spec?["hard"]?.texts)
    #expect(hard["limits.memory"] == "9223372036854775807" && hard["requests.storage"] == "9223372036854775807")
  }

  @Test(
    "is refused with line and field when something in it is wrong",
    arguments: [
      ("profile: thin", "v:1 profile", "lean"), ("domain: Agents.example", "v:1 domain", "lower case"),
      ("\nunknown: 1", "v:2 unknown", "use one of"),
      ("images:\n  envoy: envoy", "v:2 images.envoy", "names no version"),
      ("images: {lobstack: 'a/b:latest'}", "v:1 images.lobstack", "names no version"),
      ("vault: {replicas: 4}", "v:1 vault.replicas", "use 3 or 5"),
      ("controlPlane: {least: 30}", "v:1 controlPlane", "more than most"),
      ("controlPlane: {least: 1}", "v:1 controlPlane.least", "not between"),
      ("network: {apiServers: [10.0.0.1/99]}", "v:1 network.apiServers", "10.0.0.1/99"),
      ("network: {nameServer: 10.96.0}", "v:1 network.nameServer", "IPv4"),
      ("tenants: {Acme: {}}", "v:1 tenants.Acme", "not a tenant"),
      ("tiers: {starter: {cpu: 1.5}}", "v:1 tiers.starter.cpu", ""),
      ("tiers: {huge: {cpu: 1}}", "v:1 tiers.huge", "use one of"),
      ("namespaces: {vault: lobstack-agents}", "v:1", "lobstack-agents"),
      ("namespaces: {falco: istio-system}", "v:1", "istio-system"), ("- a", "v:1", "mapping"),
      ("sandboxes: perhaps", "v:1 sandboxes", ""),
      ("profile: [full]", "v:1 profile", "a list"), ("vault: 3", "v:1 vault", "a number"),
      ("storage: {provisioner: 'rancher.io/local/path'}", "v:1 storage.provisioner", "no driver's name"),
      ("storage: {provisioner: /local-path}", "v:1 storage.provisioner", "no driver's name"),
      ("storage: {parameters: {encrypted: true}}", "v:1 storage.parameters.encrypted", "true or false"),
      ("controlPlane: {most: 99999999999999999999}", "v:1 controlPlane.most", "not between"),
      ("gateway: {burst: 1e400}", "v:1 gateway.burst", "a fraction"),
      ("gateway: {burst: -1}", "v:1 gateway.burst", "-1"),
      ("network: {apiServerPort: 65536}", "v:1 network.apiServerPort", "65535"),
      ("tenants: {a: {memory: 99999999999999999999Gi}}", "v:1 tenants.a.memory", "not a size"),
      ("tenants: {a: {memory: 9999999999Gi}}", "v:1 tenants.a.memory", "not a size"),
      ("tenants: {a: {cpu: 1000000}}", "v:1 tenants.a.cpu", "not a number of CPUs"),
      ("tenants: {a: {agents: 0}}", "v:1 tenants.a.agents", "not between"),
      ("gateway:\n  burst: 1\n  burst: 2", "v:2", "'burst' is given twice"),
      ("domain: a.example\ndomain: b.example", "v:1", "'domain' is given twice"),
      ("domain: &d a.example\ntrustDomain: *d", "v:2", "'*d' is an alias"),
      ("<<: {profile: lean}", "v:1", "unknown field '<<'"), ("profile: lean\n---\nprofile: full", "v", "2 documents"),
      (String(repeating: "[", count: 10_000), "v:1", "nested too deeply"),
      (String(repeating: "#", count: 2 << 20), "v", "more than 1048576"),
      ("profile: lean\nkeda: {enabled: true}", "v:2 keda.enabled", "profile lean"),
      ("keda: {threshold: 0}", "v:1 keda.threshold", "not between"),
      ("keda: {serverAddress: 'prometheus:9090'}", "v:1 keda.serverAddress", "http://"),
      ("keda: {serverAddress: 'http://me:word@prometheus'}", "v:1 keda.serverAddress", "not the address"),
      ("vpa: {enabled: 1}", "v:1 vpa.enabled", "a number"), ("vpa: {mode: Auto}", "v:1 vpa.mode", "unknown field"),
      ("recorder: {archive: {storage: 1Gi}}", "v:1 recorder.archive", "after: 90d"),
      ("recorder: {archive: {after: soon}}", "v:1 recorder.archive.after", "is no age"),
      ("recorder: {archive: {after: 0d}}", "v:1 recorder.archive.after", "is no age"),
      ("recorder: {witness: {url: 'https://w.test/'}}", "v:1 recorder.witness", "addresses"),
      ("recorder: {witness: {url: 'http://w.test/', addresses: [192.0.2.9/32]}}", "v:1 recorder.witness.url", "https"),
      ("recorder: {witness: {url: 'https://a@w/', addresses: [192.0.2.9/32]}}", "v:1 recorder.witness.url", "server"),
      ("recorder: {witness: {url: 'https://w/', addresses: [w]}}", "v:1 recorder.witness.addresses", "range"),
    ])
  func refused(text: String, place: String, reason: String) throws {
    let fault = try #require(throws: Fault.self) { try Values(text, source: "v") }
    #expect("\(fault)".contains(place) && "\(fault)".contains(reason), "\(fault)")
  }
}
