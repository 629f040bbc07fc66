import Manifests
import Testing

@testable import KubernetesRendering

@Suite("The control plane that is rendered") struct ControlPlaneRenderingTests {
  private static func objects(_ profile: Values.Profile) throws -> [RenderedObject] {
    try Rendering.standard(profile).objects.filter { $0.file.hasPrefix("control-plane/") }
  }

  @Test("may ask about others and change Agents, and read no Secret nor act as somebody", arguments: Rendering.profiles)
  func rights(profile: Values.Profile) throws {
    let all = try Rendering.standard(profile).objects
    let bindings = all.filter { $0.kind.hasSuffix("RoleBinding") }.filter { binding in
      binding.body["subjects"]?.items.contains { $0["name"]?.text == "control-plane" } == true
    }
    let everywhere = bindings.filter { $0.namespace == nil }.compactMap { $0.body["roleRef"]?["name"]?.text }
    #expect(everywhere == ["lobstack-control-plane"])
    #expect(bindings.count == 3)
    #expect(bindings.compactMap(\.namespace) == ["lobstack-control-plane", "lobstack-agents"])
    func rights(_ role: String) -> Set<String> {
      let rules = all.filter { ["ClusterRole", "Role"].contains($0.kind) && $0.name == role }.flatMap {
        $0.body["rules"]?.items ?? []
      }
      return Set(
        rules.flatMap { rule in
          (rule["resources"]?.items ?? []).flatMap { resource in
            (rule["verbs"]?.items ?? []).map { "\($0.text ?? "") \(resource.text ?? "")" }
          }
        })
    }
    #expect(
      rights("lobstack-control-plane") == [
        "create tokenreviews", "create subjectaccessreviews", "get agents", "list agents", "watch agents",
      ])
    #expect(
      rights("lobstack-control-plane-agents") == [
        "create agents", "update agents", "patch agents", "delete agents", "patch agents/status",
        "get pods", "list pods", "get pods/log", "get pods/exec", "create pods/exec", "list events",
      ])
    // Its own namespace has name servers, of whose Pods nobody chooses the names.
    #expect(rights("lobstack-control-plane-denials") == ["list pods", "get pods/log"])
  }

  @Test("runs three times or more, without a gap, and says when it is there", arguments: Rendering.profiles)
  func replicas(profile: Values.Profile) throws {
    let objects = try Self.objects(profile)
    let scaling = try #require(objects.first { $0.kind == "HorizontalPodAutoscaler" }?.spec)
    #expect(scaling["minReplicas"]?.number == 3 && scaling["maxReplicas"]?.number == 20)
    #expect(objects.first { $0.kind == "PodDisruptionBudget" }?.spec?["minAvailable"]?.number == 2)
    let deployment = try #require(objects.first { $0.kind == "Deployment" })
    // The autoscaler's to say.
    #expect(deployment.spec?["replicas"] == nil)
    #expect(deployment.spec?["strategy"]?["rollingUpdate"]?["maxUnavailable"]?.number == 0)
    let probe = try #require(deployment.containers.first?["startupProbe"])
    #expect(probe["periodSeconds"]?.number == 5 && probe["failureThreshold"]?.number == 12)
  }

  @Test("speaks TLS where no mesh does, and is reached where one does from the gateway, and who asks for it")
  func doors() throws {
    func arguments(_ objects: [RenderedObject]) throws -> [String] {
      try objects.first { $0.kind == "Deployment" }?.containers.first?["args"]?.strings() ?? []
    }
    let (full, lean) = (try Self.objects(.full), try Self.objects(.lean))
    #expect(try arguments(full).contains("--behind-mesh") && !arguments(full).contains("--cert"))
    #expect(try arguments(lean).contains("--cert") && !arguments(lean).contains("--behind-mesh"))
    #expect(lean.contains { $0.kind == "Certificate" } && !lean.contains { $0.apiVersion.contains("istio") })

    let callers = try #require(full.first { $0.kind == "AuthorizationPolicy" }?.spec?["rules"]?.items)
    #expect(callers.count == 1)
    #expect(
      try callers.first?["from"]?.items.first?["source"]?["principals"]?.strings() == [
        "cluster.local/ns/lobstack-ingress/sa/gateway", "cluster.local/ns/lobstack-control-plane/sa/agent-ingress",
      ])
    let route = try #require(full.first { $0.kind == "VirtualService" })
    let target = route.spec?["http"]?.items.last?["route"]?.items.first?["destination"]
    let service = try #require(full.first { $0.kind == "Service" })
    #expect(target?["host"]?.text == "\(service.name).\(service.namespace ?? "").svc.cluster.local")
    #expect(
      service.spec?["ports"]?.items.contains { $0["port"]?.number == target?["port"]?["number"]?.number } == true)
    // The Gateway serves routes of these namespaces alone.
    #expect(route.namespace == "lobstack-ingress")
  }
}
