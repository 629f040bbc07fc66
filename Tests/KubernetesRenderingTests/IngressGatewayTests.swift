import Manifests
import Testing

@testable import KubernetesRendering

@Suite("The gateway of a cluster") struct IngressGatewayTests {
  private static let example = Result { try Rendering(yaml: "domain: agents.example.org") }

  private func gateway() throws -> Rendering { try Self.example.get() }

  @Test("takes TLS 1.3 and nothing older, for its domain, from routes of the platform's own namespaces")
  func listener() throws {
    let rendering = try gateway()
    let servers = rendering.objects.filter { $0.kind == "Gateway" }.flatMap { $0.spec?["servers"]?.items ?? [] }
    #expect(servers.compactMap { $0["port"]?["number"]?.number }.sorted() == [80, 443])
    let server = try #require(servers.first { $0["tls"] != nil })
    #expect(
      server["tls"]?.texts == [
        "mode": "SIMPLE", "credentialName": "gateway-certificate", "minProtocolVersion": "TLSV1_3",
      ])
    #expect(
      try server["hosts"]?.strings() == [
        "lobstack-control-plane/agents.example.org", "lobstack-ingress/agents.example.org",
      ])
    #expect(server["port"]?["number"]?.number == 443)
  }

  @Test("sends plain HTTP on, but for an authority's questions, and serves no other route by it") func plain() throws {
    let rendering = try gateway()
    let plain = try #require(rendering.object("Gateway", "gateway-plain")?.spec?["servers"]?.items.first)
    #expect(plain["port"]?["number"]?.number == 80 && plain["tls"] == nil)
    #expect(try plain["hosts"]?.strings() == ["lobstack-ingress/agents.example.org"])
    let services = rendering.objects.filter { $0.kind == "VirtualService" }.compactMap(\.spec)
    let routes = services.filter { (try? $0["gateways"]?.strings().contains("gateway-plain")) == true }
    #expect(routes.count == 1)
    let route = try #require(routes.first)
    #expect(try route["hosts"]?.strings() == ["agents.example.org"])
    let http = try #require(route["http"]?.items)
    #expect(http.count == 2 && http[1]["match"] == nil && http[1]["redirect"]?["scheme"]?.text == "https")
    #expect(http[0]["match"]?.items.first?["uri"]?["prefix"]?.text == "/.well-known/acme-challenge/")
    // What answers there are the Pods that the issuer has made, and the way to them is open.
    let solver = try #require(http[0]["route"]?.items.first?["destination"]?["host"]?.text)
    let service = try #require(rendering.object("Service", solver)?.spec)
    let issuer = rendering.object("ClusterIssuer", "lobstack-acme")?.spec?["acme"]?["solvers"]?.items.first
    let labels = issuer?["http01"]?["ingress"]?["podTemplate"]?["metadata"]?["labels"]?.texts ?? [:]
    let selector = try #require(service["selector"]?.texts)
    #expect(!selector.isEmpty && selector.allSatisfy { labels[$0.key] == $0.value })
    let opening = try #require(rendering.object("NetworkPolicy", "acme-solver")?.spec)
    #expect(opening["podSelector"]?["matchLabels"]?.texts == selector)
    #expect(
      opening["ingress"]?.items.first?["ports"]?.items.first?["port"]?.number
        == service["ports"]?.items.first?["targetPort"]?.number)
  }

  @Test("has an ECDSA P-256 certificate, with a new key each time, renewed at 60 of 90 days") func certificate() throws
  {
    let rendering = try gateway()
    let spec = try #require(rendering.object("Certificate", "gateway")?.spec)
    #expect(spec["duration"]?.text == "2160h" && spec["renewBefore"]?.text == "720h")
    let key = try #require(spec["privateKey"])
    #expect(key.texts == ["algorithm": "ECDSA", "rotationPolicy": "Always"] && key["size"]?.number == 256)
    #expect(try spec["dnsNames"]?.strings() == ["agents.example.org"])
    #expect(spec["issuerRef"]?["name"]?.text == "lobstack-acme" && spec["issuerRef"]?["kind"]?.text == "ClusterIssuer")
    let solvers = rendering.object("ClusterIssuer", "lobstack-acme")?.spec?["acme"]?["solvers"]?.items ?? []
    #expect(try solvers.map { try $0["selector"]?["dnsNames"]?.strings() } == [["agents.example.org"]])
  }

  @Test("counts each client for itself, by its own address") func rates() throws {
    let rendering = try Rendering(yaml: "gateway: {requestsPerSecond: 7, burst: 21}")
    let patches = rendering.object("EnvoyFilter", "gateway-limits")?.spec?["configPatches"]?.items ?? []
    let limit = try #require(patches.first { $0["applyTo"]?.text == "HTTP_FILTER" }?["patch"])
    #expect(limit["operation"]?.text == "INSERT_FIRST")
    let configuration = try #require(limit["value"]?["typed_config"])
    let buckets = configuration["descriptors"]?.items.compactMap { $0["token_bucket"] } ?? []
    #expect(buckets.count == 2)
    #expect(buckets.allSatisfy { $0["tokens_per_fill"]?.number == 7 && $0["max_tokens"]?.number == 21 })
    #expect(configuration["token_bucket"]?["tokens_per_fill"]?.number == 2000)
    for field in ["filter_enabled", "filter_enforced"] {
      #expect(configuration[field]?["default_value"]?["numerator"]?.number == 100)
    }
    #expect(rendering.object("Service", "gateway")?.spec?["externalTrafficPolicy"]?.text == "Local")
  }

  @Test("bounds connections, and says itself who a client is") func connections() throws {
    let patches = try gateway().object("EnvoyFilter", "gateway-limits")?.spec?["configPatches"]?.items ?? []
    #expect(patches.allSatisfy { $0["match"]?["context"]?.text == "GATEWAY" })
    let manager = try #require(
      patches.first { $0["applyTo"]?.text == "NETWORK_FILTER" }?["patch"]?["value"]?["typed_config"])
    #expect(manager["max_request_headers_kb"]?.number == 16)
    #expect(manager["common_http_protocol_options"]?["max_headers_count"]?.number == 64)
    #expect(manager["http2_protocol_options"]?["max_concurrent_streams"]?.number == 100)
    #expect(manager["path_with_escaped_slashes_action"]?.text == "REJECT_REQUEST")
    let mutations = manager["early_header_mutation_extensions"]?.items.first?["typed_config"]?["mutations"]?.items ?? []
    // What is taken out comes before what is put in.
    #expect(mutations.last?["append"]?["header"]?["key"]?.text == "x-lobstack-client-address")
    #expect(mutations.contains { $0["remove_on_match"]?["key_matcher"]?["prefix"]?.text == "x-lobstack-" })
    #expect(mutations.contains { $0["remove"]?.text == "x-forwarded-client-cert" })
  }

  @Test("runs as nobody, listens above 1023, and comes through the loss of a node") func pods() throws {
    let rendering = try Rendering(yaml: "gateway: {replicas: {least: 3, most: 9}}")
    let template = try #require(rendering.object("Deployment", "gateway")?.podTemplate)
    #expect(template["metadata"]?["labels"]?.texts["sidecar.istio.io/inject"] == "true")
    #expect(template["metadata"]?["annotations"]?.texts["inject.istio.io/templates"] == "gateway")
    #expect(template["spec"]?["automountServiceAccountToken"]?.flag == false)
    let container = try #require(template["spec"]?["containers"]?.items.first)
    #expect(container["name"]?.text == "istio-proxy" && container["image"]?.text == "auto")
    #expect(container["ports"]?.items.allSatisfy { ($0["containerPort"]?.number ?? 0) > 1023 } == true)
    let service = rendering.object("Service", "gateway")?.spec?["ports"]?.items ?? []
    #expect(service.compactMap { $0["port"]?.number } == [443, 80])
    #expect(service.compactMap { $0["targetPort"]?.number } == [8443, 8080])
    #expect(rendering.object("PodDisruptionBudget", "gateway")?.spec?["minAvailable"]?.number == 2)
    let scaling = rendering.object("HorizontalPodAutoscaler", "gateway")?.spec
    #expect(scaling?["minReplicas"]?.number == 3 && scaling?["maxReplicas"]?.number == 9)
  }

  @Test("is not there in the lean profile") func lean() throws {
    #expect(try !Rendering(.lean).manifests.files.contains { $0.path.hasPrefix("gateway/") })
  }
}
