import Blueprint
import Documents
import KubernetesRendering
import Manifests
import Testing

@Suite("The agents' name server on a cluster") struct NameServerRenderingTests {
  @Test("is where agents ask", arguments: Rendering.profiles) func address(profile: Values.Profile) throws {
    let values = try AgentExample.values("{profile: \(profile), network: {nameServer: 10.96.0.99}, tenants: {acme: }}")
    let rendering = try Rendering(values)
    let service = try #require(rendering.object("Service", "name-server"))
    #expect(service.namespace == "lobstack-control-plane" && service.spec?["clusterIP"]?.text == "10.96.0.99")
    let ports = service.spec?["ports"]?.items ?? []
    #expect(ports.map { $0["port"]?.number } == [53, 53])
    #expect(ports.map { $0["protocol"]?.text } == ["UDP", "TCP"])
    let container = try #require(rendering.object("Deployment", "name-server")?.containers.first)
    let known = container["ports"]?.items ?? []
    for port in ports {
      let target = known.first { $0["name"]?.text == port["targetPort"]?.text }
      #expect(target?["containerPort"]?.number == 5353 && target?["protocol"]?.text == port["protocol"]?.text)
    }
    let pods = try AgentExample.manifests(try AgentExample.agent(), values: values).objects.filter { $0.kind == "Pod" }
    #expect(pods.count == 1)
    for pod in pods {
      let spec = try #require(AgentExample.fields(pod)["spec"] as? [String: Any])
      #expect(spec["dnsPolicy"] as? String == "None")
      #expect((spec["dnsConfig"] as? [String: Any])?["nameservers"] as? [String] == ["10.96.0.99"])
    }
  }

  @Test("may list and watch what it needs, in agents' namespaces and nowhere else") func rights() throws {
    let rendering = try Rendering(yaml: "tenants: {default: , acme: }")
    let roles = rendering.objects.filter { $0.file == "name-server/access.yaml" && $0.kind.hasSuffix("Role") }
    #expect(roles.count == 1)
    for rule in roles.flatMap({ $0.body["rules"]?.items ?? [] }) {
      #expect(try rule["verbs"]?.strings() == ["list", "watch"])
    }
    let resources = try roles.flatMap { $0.body["rules"]?.items ?? [] }.flatMap { try $0["resources"]?.strings() ?? [] }
    #expect(resources.sorted() == ["agents", "pods", "services"])
    let bindings = rendering.objects.filter { object in
      object.kind.hasSuffix("RoleBinding")
        && object.body["subjects"]?.items.contains { $0["name"]?.text == "name-server" } == true
    }
    #expect(bindings.map(\.kind) == ["RoleBinding", "RoleBinding"])
    #expect(bindings.compactMap(\.namespace).sorted() == ["lobstack-agents", "lobstack-agents-acme"])
  }

  @Test("hears agents alone, and asks the API server alone") func network() throws {
    let values = try AgentExample.values("{tenants: {acme: }, network: {apiServers: [192.0.2.7/32]}}")
    let objects = try AgentExample.platformObjects(values)
    let namespaces = objects.filter { $0.kind == "Namespace" }.map { ($0.metadata.name, $0.metadata.labels ?? [:]) }
    let network = ClusterNetwork(
      policies: objects.compactMap { $0 as? NetworkPolicy }, namespaces: Dictionary(namespaces) { first, _ in first })
    func place(_ namespace: String, _ labels: [String: String]) -> ClusterNetwork.Place {
      ClusterNetwork.Place(address: "10.244.0.1", namespace: namespace, labels: labels)
    }
    let server = place(
      "lobstack-control-plane", ["app.kubernetes.io/name": "name-server", "app.kubernetes.io/part-of": "lobstack"])
    // As the receiving end has it: what lets agents out stands with each agent.
    func hears(_ peer: ClusterNetwork.Place, _ port: UInt16, _ transport: String) -> Bool {
      ClusterNetwork(
        policies: network.policies.filter { $0.metadata.namespace == "lobstack-control-plane" },
        namespaces: network.namespaces
      ).allows(peer, to: server, port: port, over: transport)
    }
    let agent = place("lobstack-agents-acme", ["lobstack.dev/agent": "true"])
    #expect(hears(agent, 5353, "udp") && hears(agent, 5353, "tcp"))
    #expect(!hears(agent, 9464, "tcp") && !hears(agent, 53, "udp"))
    for other in [
      place("lobstack-agents-acme", ["lobstack.dev/gateway-of": "one"]),
      place("elsewhere", ["lobstack.dev/agent": "true"]),
      place("lobstack-control-plane", ["app.kubernetes.io/name": "operator"]),
    ] {
      for port: UInt16 in [53, 5353, 9464] { #expect(!hears(other, port, "udp") && !hears(other, port, "tcp")) }
    }
    let api = ClusterNetwork.Place(address: "192.0.2.7")
    #expect(network.allows(server, to: api, port: values.network.apiServerPort, over: "tcp"))
    #expect(!network.allows(server, to: ClusterNetwork.Place(address: "1.1.1.1"), port: 443, over: "tcp"))
    #expect(!network.allows(server, to: agent, port: 8080, over: "tcp"))
  }

  @Test("is outside the mesh, as those who ask are, and is watched where something watches") func mesh() throws {
    let full = try Rendering.standard(.full)
    let labels = full.object("Deployment", "name-server")?.podTemplate?["metadata"]?["labels"]?.texts
    #expect(labels?["sidecar.istio.io/inject"] == "false")
    let metrics = try #require(full.object("Service", "name-server-metrics")?.spec)
    #expect(metrics["clusterIP"]?.text == "None" && metrics["ports"]?.items.first?["name"]?.text == "metrics")
    #expect(try Rendering.standard(.lean).object("Service", "name-server-metrics") == nil)
  }
}
