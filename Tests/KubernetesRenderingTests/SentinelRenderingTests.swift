import KubernetesRendering
import Manifests
import Testing

@Suite("The sentinel of a cluster's nodes") struct SentinelRenderingTests {
  private func daemonSet(_ rendering: Rendering) throws -> RenderedObject {
    try #require(rendering.objects.first { $0.kind == "DaemonSet" && $0.name == "sentinel" })
  }

  @Test("runs where sandboxes run, and is replaced by hand alone", arguments: Rendering.profiles)
  func places(profile: Values.Profile) throws {
    let rendering = try Rendering.standard(profile)
    let sentinel = try daemonSet(rendering)
    let pod = try #require(sentinel.podTemplate?["spec"])
    let sandboxes = try #require(rendering.objects.first { $0.kind == "RuntimeClass" }?.body["scheduling"])
    #expect(pod["nodeSelector"]?.texts == sandboxes["nodeSelector"]?.texts)
    #expect(pod["tolerations"]?.items.first?.texts == sandboxes["tolerations"]?.items.first?.texts)
    #expect(sentinel.spec?["updateStrategy"]?["type"]?.text == "OnDelete")
  }

  @Test(
    "has one directory of its node, which is its own there, and its namespace alone lets it",
    arguments: Rendering.profiles)
  func directory(profile: Values.Profile) throws {
    let rendering = try Rendering.standard(profile)
    let pod = try #require(try daemonSet(rendering).podTemplate?["spec"])
    let paths = (pod["volumes"]?.items ?? []).compactMap { $0["hostPath"] }
    #expect(paths.map { $0["path"]?.text } == ["/run/lobstack"] && paths.first?["type"]?.text == "Directory")
    let user = try #require(pod["securityContext"]?["runAsUser"]?.number)
    let file = try #require(rendering.manifests.files.first { $0.path.hasSuffix("tmpfiles.d/lobstack.conf") }).text()
    #expect(file.contains("\nd /run/lobstack 0700 \(user) \(user) -\n") && user != 0)
    let open = rendering.objects.filter {
      $0.kind == "Namespace" && $0.labels["pod-security.kubernetes.io/enforce"] != "restricted"
    }
    #expect(open.map(\.name) == ["lobstack-sentinel"])
    // The user is nobody else's, so that no other Pod of the platform could use the directory.
    for other in rendering.workloads where other.name != "sentinel" {
      #expect(other.podTemplate?["spec"]?["securityContext"]?["runAsUser"]?.number != user, "\(other)")
    }
  }

  @Test("listens where nodes are told that it does") func socket() throws {
    let rendering = try Rendering.standard()
    let container = try #require(try daemonSet(rendering).containers.first)
    let words = container["args"]?.items.compactMap(\.text) ?? []
    let socket = try #require(words.firstIndex(of: "--socket").map { words[$0 + 1] })
    let points = try #require(rendering.manifests.files.first { $0.path.hasSuffix("runsc-trace.json") }).text()
    #expect(points.contains("\"endpoint\":\"\(socket)\""))
  }

  @Test("may change Pods and Agents' status in tenants' namespaces alone", arguments: Rendering.profiles)
  func rights(profile: Values.Profile) throws {
    var values = Values()
    values.profile = profile
    let rendering = try Rendering(values)
    let bindings = rendering.objects.filter { object in
      object.body["subjects"]?.items.contains { $0["namespace"]?.text == "lobstack-sentinel" } == true
    }
    let everywhere = bindings.filter { $0.kind == "ClusterRoleBinding" }
    let roles = everywhere.compactMap { binding in
      rendering.objects.first { $0.kind == "ClusterRole" && $0.name == binding.body["roleRef"]?["name"]?.text }
    }
    let verbs = roles.flatMap { $0.body["rules"]?.items ?? [] }.flatMap { $0["verbs"]?.items.compactMap(\.text) ?? [] }
    #expect(Set(verbs) == ["get", "list", "watch"] && everywhere.count == 1)
    #expect(bindings.filter { $0.kind == "RoleBinding" }.compactMap(\.namespace) == ["lobstack-agents"])
  }

  @Test("has the rules of the policy, and takes agents' ways to their gateways for none out") func rules() throws {
    var values = Values()
    values.network.services = ["10.0.0.0/16", "fd00::/112"]
    let rendering = try Rendering(values)
    let text = try #require(rendering.manifests.files.first { $0.path.hasSuffix("sentinel-rules.yaml") }).text()
    for name in ["00_macros.yaml", "agents_process.yaml", "zz_sentinel.yaml"] {
      #expect(text.contains(name), "\(name)")
    }
    #expect(
      text.contains("fd.snet in (\\\"10.0.0.0/16\\\", \\\"fd00::/112\\\")")
        || text.contains(#"fd.snet in ("10.0.0.0/16", "fd00::/112")"#))
  }
}
