import Manifests
import Testing

@testable import KubernetesRendering

@Suite("What scales the platform") struct AutoscalingTests {
  @Test("is neither KEDA nor a VerticalPodAutoscaler where the values do not say so", arguments: Rendering.profiles)
  func off(profile: Values.Profile) throws {
    for values in ["keda: {enabled: false, threshold: 5}", "vpa: {enabled: false}", "keda: {}"] {
      #expect(try Values(values, source: "v") == Values())
    }
    let kinds = Set(try Rendering.standard(profile).objects.map(\.kind))
    #expect(kinds.isDisjoint(with: ["ScaledObject", "VerticalPodAutoscaler"]))
  }

  @Test("is KEDA in place of the control plane's autoscaler, by the same CPU and by what Prometheus counted")
  func keda() throws {
    let rendering = try Rendering(yaml: "keda: {enabled: true, threshold: 40}\ncontrolPlane: {least: 4, most: 9}")
    let object = try #require(rendering.object("ScaledObject", "control-plane"))
    #expect(object.file == "control-plane/control-plane.yaml" && object.isApplied)
    let scaled = rendering.objects.filter { $0.kind == "HorizontalPodAutoscaler" }.map(\.name)
    #expect(scaled.sorted() == ["agent-ingress", "gateway"])
    let spec = try #require(object.spec)
    let deployment = try #require(rendering.object("Deployment", spec["scaleTargetRef"]?["name"]?.text ?? ""))
    #expect(deployment.namespace == object.namespace && deployment.spec?["replicas"] == nil)
    #expect(spec["minReplicaCount"]?.number == 4 && spec["maxReplicaCount"]?.number == 9)
    let down = spec["advanced"]?["horizontalPodAutoscalerConfig"]?["behavior"]?["scaleDown"]
    #expect(down?["stabilizationWindowSeconds"]?.number == 300)
    let triggers = try #require(spec["triggers"]?.items)
    #expect(triggers.compactMap { $0["type"]?.text } == ["prometheus", "cpu"])
    let prometheus = triggers.first?["metadata"]?.texts ?? [:]
    #expect(prometheus["threshold"] == "40" && prometheus["ignoreNullValues"] == "false")
    #expect(prometheus["serverAddress"] == "http://prometheus-operated.lobstack-monitoring.svc:9090")
    // The Service by which Prometheus finds the control plane's Pods, and no other program's.
    let service = try #require(rendering.object("Service", "control-plane-metrics"))
    #expect(
      prometheus["query"] == "sum(rate(lobstack_http_requests_total"
        + "{namespace=\"\(service.namespace ?? "")\",service=\"\(service.name)\"}[2m]))")
    #expect(triggers.last?["metadata"]?.texts == ["value": "70"])
  }

  @Test("lets KEDA's program to the Prometheus beside it, and to nothing where that is elsewhere") func openings()
    throws
  {
    let rendering = try Rendering(yaml: "keda: {enabled: true}\nnamespaces: {keda: scaling, monitoring: watch}")
    let policy = try #require(rendering.object("NetworkPolicy", "keda"))
    #expect(policy.namespace == "watch")
    let rule = try #require(policy.spec?["ingress"]?.items.first)
    #expect(rule["ports"]?.items.compactMap { $0["port"]?.number } == [9090])
    let from = rule["from"]?.items.first
    #expect(from?["namespaceSelector"]?["matchLabels"]?.texts == ["kubernetes.io/metadata.name": "scaling"])
    #expect(from?["podSelector"]?["matchLabels"]?.texts == ["app.kubernetes.io/name": "keda-operator"])
    let access = try #require(rendering.object("AuthorizationPolicy", "keda")?.spec?["rules"]?.items.first)
    #expect(
      try access["from"]?.items.first?["source"]?["principals"]?.strings() == [
        "cluster.local/ns/scaling/sa/keda-operator"
      ])
    for address in ["http://prometheus.lobstack-monitoring:9090", "http://p.lobstack-monitoring.svc:9090/prom/x.y"] {
      let beside = try Rendering(yaml: "keda: {enabled: true, serverAddress: \"\(address)\"}")
      #expect(beside.object("NetworkPolicy", "keda") != nil, "\(address)")
    }
    for address in ["https://thanos.example.org/query", "http://prometheus.elsewhere.svc:9090"] {
      let other = try Rendering(yaml: "keda: {enabled: true, serverAddress: \"\(address)\"}")
      #expect(other.object("NetworkPolicy", "keda") == nil && other.object("AuthorizationPolicy", "keda") == nil)
      let trigger = other.object("ScaledObject", "control-plane")?.spec?["triggers"]?.items.first
      #expect(trigger?["metadata"]?["serverAddress"]?.text == address)
    }
  }

  @Test("has the size of every program recommended, and changed by nobody", arguments: Rendering.profiles)
  func sizes(profile: Values.Profile) throws {
    let rendering = try Rendering(yaml: "profile: \(profile.rawValue)\nvpa: {enabled: true}")
    let recommended = rendering.objects.filter { $0.kind == "VerticalPodAutoscaler" }
    func place(_ object: RenderedObject) -> String { "\(object.namespace ?? "")/\(object.kind)/\(object.name)" }
    #expect(
      Set(
        recommended.map {
          "\($0.namespace ?? "")/\($0.spec?["targetRef"]?["kind"]?.text ?? "")/\($0.spec?["targetRef"]?["name"]?.text ?? "")"
        }) == Set(rendering.workloads.map(place)))
    #expect(recommended.count > 5)
    // In quotes: bare it is false to kubectl.
    #expect(recommended.allSatisfy { $0.spec?["updatePolicy"]?["updateMode"]?.text == "Off" })
    #expect(try rendering.text("monitoring/sizes.yaml")?.contains("updateMode: \"Off\"") == true)
  }
}
