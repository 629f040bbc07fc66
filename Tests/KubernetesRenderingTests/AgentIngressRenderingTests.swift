import AgentModel
import JSONValues
import Manifests
import Testing

@testable import KubernetesRendering

@Suite("The way in to agents that is rendered") struct AgentIngressRenderingTests {
  private static func objects(_ profile: Values.Profile) throws -> [RenderedObject] {
    try Rendering.standard(profile).objects.filter { $0.file.hasPrefix("agent-ingress/") }
  }

  @Test("asks the control plane under the name that its certificate has", arguments: Rendering.profiles)
  func controlPlane(profile: Values.Profile) throws {
    let all = try Rendering.standard(profile).objects
    let configuration = try #require(try Self.objects(profile).first { $0.kind == "ConfigMap" }?.body["data"]?.texts)
    let bootstrap = try #require(configuration["bootstrap.json"])
    let service = try #require(all.first { $0.kind == "Service" && $0.name == "control-plane" })
    let name = "\(service.name).\(service.namespace ?? "").svc"
    #expect(bootstrap.contains("\"\(name)\""))
    let port = try #require(service.spec?["ports"]?.items.first?["port"]?.number)
    #expect(port == (profile == .full ? 80 : 443) && bootstrap.contains("\"port_value\":\(port)"))
    guard profile == .lean else { return }
    let certificate = all.first { $0.kind == "Certificate" && $0.name == "control-plane" }
    #expect(try certificate?.spec?["dnsNames"]?.strings().contains(name) == true)
    let own = try #require(all.first { $0.kind == "Certificate" && $0.name == "agent-ingress" }?.spec)
    #expect(own["issuerRef"]?.texts == certificate?.spec?["issuerRef"]?.texts)
  }

  @Test("has no rights, and a user of its own", arguments: Rendering.profiles)
  func rights(profile: Values.Profile) throws {
    let all = try Rendering.standard(profile).objects
    let bound = all.filter { $0.kind.hasSuffix("RoleBinding") }.flatMap { $0.body["subjects"]?.items ?? [] }
    #expect(!bound.contains { $0["name"]?.text == "agent-ingress" })
    let pod = try #require(try Self.objects(profile).first { $0.kind == "Deployment" }?.podTemplate?["spec"])
    #expect(pod["automountServiceAccountToken"]?.flag == false)
    let users = all.filter { $0.name != "agent-ingress" }
      .compactMap { $0.podTemplate?["spec"]?["securityContext"]?["runAsUser"]?.number }
    #expect(!users.contains(try #require(pod["securityContext"]?["runAsUser"]?.number)))
  }

  @Test("has the public gateway lead requests to agents there, and all others to the control plane") func route() throws
  {
    let all = try Rendering.standard(.full).objects
    let routes = all.filter { $0.kind == "VirtualService" && $0.file.hasPrefix("control-plane/") }
    let http = try #require(routes.first?.spec?["http"]?.items)
    #expect(routes.count == 1 && http.count == 2)
    #expect(http[0]["match"]?.items.compactMap { $0["uri"]?["prefix"]?.text } == ["/agents/"])
    // A second time could be once too often.
    #expect(http[0]["retries"]?["attempts"]?.number == 0)
    let target = try #require(http[0]["route"]?.items.first?["destination"])
    let service = try #require(try Self.objects(.full).first { $0.kind == "Service" })
    #expect(target["host"]?.text == "agent-ingress.\(service.namespace ?? "").svc.cluster.local")
    #expect(service.spec?["ports"]?.items.first?["port"]?.number == target["port"]?["number"]?.number)
    #expect(http[1]["match"] == nil)
  }

  @Test("is let in by the mesh where it has to, and nobody but the public gateway is let in there") func mesh() throws {
    let all = try Rendering.standard(.full).objects
    func principals(_ name: String) throws -> [String] {
      let policy = all.first { $0.kind == "AuthorizationPolicy" && $0.name == name }
      return try (policy?.spec?["rules"]?.items ?? []).flatMap { $0["from"]?.items ?? [] }
        .flatMap { try $0["source"]?["principals"]?.strings() ?? [] }
    }
    let (gateway, own) = (
      "cluster.local/ns/lobstack-ingress/sa/gateway", "cluster.local/ns/lobstack-control-plane/sa/agent-ingress"
    )
    #expect(try principals("agent-ingress") == [gateway])
    #expect(try principals("control-plane") == [gateway, own])
    let sidecar = all.first { $0.kind == "Sidecar" && $0.name == "agent-ingress" }?.spec
    #expect(try sidecar?["egress"]?.items.first?["hosts"]?.strings().contains("lobstack-agents/*") == true)
    #expect(sidecar?["workloadSelector"]?["labels"]?.texts["app.kubernetes.io/name"] == "agent-ingress")
  }

  @Test("gives the right to call agents to who may change them", arguments: Rendering.profiles)
  func roles(profile: Values.Profile) throws {
    for (name, may) in [("lobstack-agent-viewer", false), ("lobstack-agent-editor", true)] {
      let role = try Rendering.standard(profile).objects.first { $0.kind == "ClusterRole" && $0.name == name }
      let rules = role?.body["rules"]?.items ?? []
      let calls = rules.contains { rule in
        rule["resources"]?.items.contains { $0.text == "agents/proxy" } == true
          && rule["verbs"]?.items.contains { $0.text == "create" } == true
      }
      #expect(!rules.isEmpty && calls == may, "\(name)")
    }
  }
}
