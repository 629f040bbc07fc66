import Foundation
import KubernetesRendering
import Manifests
import Testing

@Suite("What is laid out for a cluster's machines") struct NodeFileTests {
  private let rendering: Rendering

  init() throws { rendering = try Rendering.standard() }

  @Test("is applied by nobody") func notApplied() {
    let files = rendering.manifests.files.filter { $0.path.hasPrefix("nodes/") || $0.path.hasPrefix("helm/") }
    #expect(files.count > 5 && files.allSatisfy { !$0.isApplied })
  }

  @Test("encrypts Secrets and ConfigMaps, by a key that is not in it") func encryption() throws {
    let rules = try document("encryption-configuration.yaml")["resources"]?.items ?? []
    #expect(rules.flatMap { $0["resources"]?.items.compactMap(\.text) ?? [] } == ["secrets", "configmaps"])
    let providers = rules[0]["providers"]?.items ?? []
    // The first one encrypts, and what was stored in the clear before can be read.
    #expect(providers.first?["aescbc"] != nil && providers.last?["identity"] != nil && providers.count == 2)
    let keys = providers[0]["aescbc"]?["keys"]?.items.compactMap { $0["secret"]?.text } ?? []
    #expect(keys.count == 1 && keys.allSatisfy { Data(base64Encoded: $0) == nil })
  }

  @Test(
    "has the API server write down who did what, and of secrets never what they are",
    arguments: [
      ("get", "", "secrets", "system:nodes", "Metadata"), ("update", "", "configmaps", "", "Metadata"),
      ("create", "", "serviceaccounts/token", "system:nodes", "Metadata"),
      ("create", "authentication.k8s.io", "tokenreviews", "", "Metadata"),
      ("create", "", "pods/exec", "", "RequestResponse"), ("get", "", "pods/attach", "", "RequestResponse"),
      ("create", "lobstack.dev", "agents", "", "RequestResponse"), ("get", "lobstack.dev", "agents", "", "Metadata"),
      ("update", "lobstack.dev", "agents/status", "", "Metadata"),
      ("delete", "networking.k8s.io", "networkpolicies", "", "RequestResponse"),
      ("patch", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "", "RequestResponse"),
      ("create", "rbac.authorization.k8s.io", "clusterrolebindings", "", "RequestResponse"),
      ("update", "", "namespaces", "", "RequestResponse"), ("delete", "", "pods", "", "Metadata"),
      ("list", "", "pods", "system:nodes", "None"), ("create", "", "pods", "system:nodes", "Metadata"),
      ("update", "coordination.k8s.io", "leases", "", "None"), ("create", "", "events", "", "None"),
    ])
  func audit(verb: String, group: String, resource: String, userGroup: String, level: String) throws {
    let rules = try document("audit-policy.yaml")["rules"]?.items ?? []
    let decides = try #require(
      rules.first { rule in
        func allows(_ field: String, _ value: String) -> Bool {
          rule[field].map { $0.items.contains { $0.text == value } } ?? true
        }
        guard rule["nonResourceURLs"] == nil, rule["users"] == nil else { return false }
        return allows("verbs", verb) && allows("userGroups", userGroup)
          && (rule["resources"].map { resources in
            resources.items.contains { entry in
              entry["group"]?.text == group
                && (entry["resources"].map { $0.items.contains { $0.text == resource } } ?? true)
            }
          } ?? true)
      })
    #expect(decides["level"]?.text == level, "\(verb) \(resource)")
  }

  @Test("has every sandbox tell the sentinel what one machine's tell, and start by no other way") func trace() throws {
    let options = try #require(try rendering.text("nodes/workers/etc/containerd/runsc.toml"))
    #expect(options.contains("pod-init-config = \"/etc/containerd/runsc-trace.json\""))
    let runtime = try #require(try rendering.text("nodes/workers/etc/containerd/conf.d/lobstack-runsc.toml"))
    #expect(runtime.contains("ConfigPath = '/etc/containerd/runsc.toml'") && !runtime.contains("annotations"))
    let handler = try #require(rendering.object("RuntimeClass", "gvisor")?.body["handler"]?.text)
    #expect(runtime.contains(".runtimes.\(handler)]"))
    let text = try #require(try rendering.text("nodes/workers/etc/containerd/runsc-trace.json"))
    let session = try Manifest.parseOne(text, source: "trace")["trace_session"]
    #expect(session?["points"]?.items.contains { $0["name"]?.text == "sentry/execve" } == true)
    let sink = try #require(session?["sinks"]?.items.first)
    #expect(sink["ignore_setup_error"]?.flag == false)
    #expect(sink["config"]?["endpoint"]?.text == "/run/lobstack/trace.sock")
  }

  @Test("has the seccomp profile of agents where kubelet looks for it") func seccomp() throws {
    let text = try rendering.text("nodes/workers/var/lib/kubelet/seccomp/agent.json")
    #expect(text == (try String(contentsOfFile: "\(Rendering.policyDirectory)/seccomp/agent.json", encoding: .utf8)))
  }

  /// `LinuxSeccomp` of the OCI specification, as far as the profile's rules about sockets go.
  private struct Profile: Decodable {
    var syscalls: [Rule]

    struct Rule: Decodable {
      var names: [String]
      var action: String
      var args: [Argument]?

      /// All of them have to hold.
      func isAbout(_ call: String, _ arguments: [UInt64]) -> Bool {
        names.contains(call) && (args ?? []).allSatisfy { $0.holds(arguments[$0.index]) }
      }
    }

    struct Argument: Decodable {
      var index: Int
      var value: UInt64
      var valueTwo: UInt64
      var op: String

      func holds(_ argument: UInt64) -> Bool { op == "SCMP_CMP_MASKED_EQ" && argument & value == valueTwo }
    }
  }

  @Test("has a profile that gives agents no socket for ICMP, and every other") func icmp() throws {
    let text = try rendering.text("nodes/workers/var/lib/kubelet/seccomp/agent.json") ?? ""
    let profile = try JSONDecoder().decode(Profile.self, from: Data(text.utf8))
    func isRefused(_ family: UInt64, _ type: UInt64, _ number: UInt64) -> Bool {
      profile.syscalls.contains { $0.action == "SCMP_ACT_ERRNO" && $0.isAbout("socket", [family, type, number]) }
    }
    for family in [2, 10] as [UInt64] {
      for number in [1, 58] as [UInt64] {
        #expect(isRefused(family, 2, number) && isRefused(family, 0o2004002, number))
        // The kernel looks at the lower half alone.
        #expect(isRefused(family, 2, number | 1 << 32) && isRefused(family | 7 << 40, 2, number))
      }
      for number in [0, 6, 17] as [UInt64] { #expect(!isRefused(family, 2, number)) }
    }
    #expect(!isRefused(1, 1, 1))
  }

  private func document(_ name: String) throws -> Manifest {
    let text = try #require(try rendering.text("nodes/api-servers/etc/kubernetes/\(name)"))
    return try Manifest.parseOne(text, source: name)
  }
}
