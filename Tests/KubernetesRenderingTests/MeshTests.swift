import AgentModel
import Blueprint
import Documents
import Faults
import Manifests
import Testing

@testable import KubernetesRendering

@Suite("The mesh of a cluster") struct MeshTests {
  private static let tenants = Result { try Rendering(yaml: "tenants: {default: {}, acme: {}}") }
  private static let inMesh = [
    "lobstack-agents", "lobstack-agents-acme", "lobstack-control-plane", "lobstack-ingress", "lobstack-monitoring",
  ]

  @Test("takes nothing but mutual TLS, everywhere and once more in our own namespaces") func strict() throws {
    let peers = try Self.tenants.get().objects.filter { $0.kind == "PeerAuthentication" }
    #expect(peers.compactMap(\.namespace).sorted() == ["istio-system"] + Self.inMesh)
    #expect(peers.allSatisfy { $0.name == "default" && $0.spec?["selector"] == nil })
    #expect(peers.allSatisfy { $0.spec?["mtls"]?["mode"]?.text == "STRICT" })
  }

  @Test("lets nobody call anybody, but for what policy/mesh allows and the public gateway is for") func closed() throws
  {
    let policies = try Self.tenants.get().objects.filter { $0.kind == "AuthorizationPolicy" }
    let nothing = policies.filter { $0.spec?["rules"]?.items.isEmpty == true && $0.spec?["selector"] == nil }
    #expect(nothing.compactMap(\.namespace).sorted() == Self.inMesh)
    let allowed = policies.filter { $0.spec?["rules"]?.items.isEmpty == false }
    #expect(
      allowed.map { "\($0.namespace ?? "")/\($0.name)" }.sorted() == [
        "lobstack-control-plane/agent-ingress", "lobstack-control-plane/control-plane",
        "lobstack-control-plane/metrics", "lobstack-control-plane/platform-api", "lobstack-ingress/public",
      ])
    #expect(policies.count == nothing.count + allowed.count)
    let api = try #require(allowed.first { $0.name == "platform-api" }?.spec)
    #expect(api["selector"]?["matchLabels"]?.texts == ["app.kubernetes.io/name": "control-plane"])
    let operation = api["rules"]?.items.first?["to"]?.items.first?["operation"]
    #expect(try operation?["paths"]?.strings() == ["/v1/identity"] && operation?["methods"]?.strings() == ["GET"])
  }

  @Test("lets programs call what has a name in it, and nothing else") func egress() throws {
    let sidecars = try Self.tenants.get().objects.filter { $0.kind == "Sidecar" }
    #expect(Set(sidecars.compactMap(\.namespace)).sorted() == Self.inMesh.filter { $0 != "lobstack-ingress" })
    for sidecar in sidecars {
      #expect(sidecar.spec?["outboundTrafficPolicy"]?["mode"]?.text == "REGISTRY_ONLY")
      let hosts = try sidecar.spec?["egress"]?.items.flatMap { try $0["hosts"]?.strings() ?? [] } ?? []
      #expect(!hosts.isEmpty && !hosts.contains { $0.hasPrefix("*/") || $0.hasPrefix("~/") }, "\(hosts)")
      if sidecar.namespace?.hasPrefix("lobstack-agents") == true { #expect(hosts == ["./*", "istio-system/*"]) }
    }
  }

  @Test(
    "names who is allowed by namespace and service account",
    arguments: [
      ("*", "*"), ("cluster.local/ns/system/gateway", "prod.example/ns/lobstack-ingress/sa/gateway"),
      ("cluster.local/ns/system/control-plane", "prod.example/ns/lobstack-control-plane/sa/control-plane"),
      ("cluster.local/ns/default/agent/a1", "prod.example/ns/lobstack-agents/sa/a1"),
      ("cluster.local/ns/acme/agent/a1", "prod.example/ns/lobstack-agents-acme/sa/a1"),
      ("cluster.local/ns/shop/sa/cart", "prod.example/ns/shop/sa/cart"),
      // A tenant called "system" has agents like any other.
      ("cluster.local/ns/system/agent/gateway", "prod.example/ns/lobstack-agents-system/sa/gateway"),
      ("other.example/ns/system/gateway", "other.example/ns/system/gateway"),
    ])
  func principals(policy: String, mesh: String) throws {
    var values = Values()
    values.trustDomain = "prod.example"
    #expect(try MeshPrincipals(values: values).principal(policy) == mesh)
  }

  @Test(
    "refuses a principal that no cluster has, for it would allow nobody, or somebody else",
    arguments: [
      "cluster.local/ns/system/proxy", "cluster.local/ns/system/operator", "cluster.local/ns/system/nobody",
      "cluster.local/ns/default/agent", "cluster.local/ns/*", "cluster.local", "", "gateway",
      "cluster.local/ns/a/sa/b/c", "cluster.local/ns/../sa/b", "cluster.local//sa/b",
    ])
  func unknown(principal: String) {
    #expect(throws: Fault.self) { try MeshPrincipals(values: Values()).principal(principal) }
  }

  @Test("refuses a policy about what a cluster does not have") func unknownSelector() throws {
    var rules = try Rendering.policy.get().rules
    rules.authorizationPolicies[0].spec.selector = LabelSelector(matchLabels: ["app.kubernetes.io/name": "proxy"])
    let fault = try #require(throws: Fault.self) {
      try PlatformManifests(values: Values(), texts: try Rendering.policy.get().texts, rules: rules)
    }
    #expect("\(fault)".contains("its selector"))
  }

  @Test("is not there in the lean profile, nor anything that another component would have to know") func lean() throws {
    let groups = Set(try Rendering.of(.lean).objects.filter(\.isApplied).map(\.apiVersion))
    #expect(
      groups.filter { $0.contains(".") }.sorted().allSatisfy {
        $0.hasSuffix(".k8s.io/v1") && !$0.hasPrefix("gateway.") || $0 == "cert-manager.io/v1"
      }, "\(groups)")
  }
}
