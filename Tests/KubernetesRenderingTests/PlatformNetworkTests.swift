import Manifests
import Testing

@testable import KubernetesRendering

@Suite("The network of the platform's own namespaces") struct PlatformNetworkTests {
  @Test("is closed", arguments: Rendering.profiles) func closed(profile: Values.Profile) throws {
    let rendering = try Rendering.of(profile)
    let closed = rendering.objects.filter { $0.kind == "NetworkPolicy" && $0.name == "default-deny" }
    let namespaces = Set(closed.compactMap(\.namespace))
    #expect(namespaces.contains("lobstack-control-plane"))
    #expect(namespaces.contains("lobstack-ingress") == (profile == .full))
    for policy in closed {
      #expect(policy.spec?["podSelector"]?.texts.isEmpty == true)
      #expect(policy.spec?["ingress"] == nil && policy.spec?["egress"] == nil)
      #expect(try policy.spec?["policyTypes"]?.strings() == ["Ingress", "Egress"])
    }
  }

  @Test("opens no rule without a port, but from the gateway to those who say themselves what they take")
  func exact() throws {
    for policy in try Rendering.of(.full).objects where policy.file == "network/platform.yaml" {
      for rule in ["ingress", "egress"].flatMap({ policy.spec?[$0]?.items ?? [] }) where rule["ports"] == nil {
        #expect(policy.name == "gateway")
        #expect(
          rule["to"]?.items.first?["namespaceSelector"]?["matchLabels"]?.texts["app.kubernetes.io/name"] == "agents")
      }
    }
  }

  @Test("reaches the API server where the values say it is, who needs it alone") func apiServer() throws {
    let rendering = try Rendering(yaml: "network: {apiServers: [192.0.2.0/28], apiServerPort: 443}")
    let openings = rendering.objects.filter { object in
      object.file == "network/platform.yaml"
        && object.spec?["egress"]?.items.contains { $0["to"]?.items.contains { $0["ipBlock"] != nil } == true } == true
    }
    #expect(openings.map(\.name) == ["operator", "name-server"])
    for opening in openings {
      let rule = try #require(opening.spec?["egress"]?.items.first)
      #expect(rule["to"]?.items.first?["ipBlock"]?["cidr"]?.text == "192.0.2.0/28")
      #expect(rule["ports"]?.items.first?["port"]?.number == 443)
    }
  }

  @Test("lets nobody but the API server ask the webhook") func webhook() throws {
    let rendering = try Rendering(yaml: "{profile: lean, network: {apiServers: [192.0.2.0/28]}}")
    let rule = try #require(rendering.objects.first { $0.kind == "NetworkPolicy" && $0.name == "admission" }?.spec)
    #expect(rule["ingress"]?.items.count == 1)
    #expect(rule["ingress"]?.items.first?["from"]?.items.first?["ipBlock"]?["cidr"]?.text == "192.0.2.0/28")
    #expect(rule["ingress"]?.items.first?["ports"]?.items.first?["port"]?.number == 8443)
  }
}
