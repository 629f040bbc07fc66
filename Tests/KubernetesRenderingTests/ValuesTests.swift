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
      network: {nameServer: 10.43.0.53, apiServers: [192.0.2.0/28]}
      tenants:
        default: {agents: 10}
        acme:
      """, source: "v")
    #expect(values.sandboxes && !Values().sandboxes)
    #expect(values.profile == .lean && values.domain == "agents.example.org")
    #expect(values.controlPlane.least == 5 && values.controlPlane.most == 20)
    #expect(values.vault.replicas == 5 && values.tiers[.starter]?.cpu == "500m")
    #expect(values.tenants.keys.sorted().map(\.description) == ["acme", "default"])
    #expect(values.tenants[.default]?.agents == 10)
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
