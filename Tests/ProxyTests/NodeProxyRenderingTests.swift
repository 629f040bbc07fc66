import AgentModel
import ChildProcess
import Foundation
import JSONValues
import Proxy
import Testing

@Suite("The node proxy's configuration") struct NodeProxyRenderingTests {
  private static let references = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference")

  /// To change a reference on purpose: run once with UPDATE_REFERENCES=1, and read the difference.
  @Test("is what the reference files say") func reference() throws {
    let proxy = NodeProxy(layout: NodeProxyExample.layout)
    var texts = ["node-proxy-bootstrap.json": proxy.bootstrap.text]
    for file in proxy.files(try NodeProxyExample.state()) {
      let name = "node-proxy-" + file.source.path.replacing("/", with: "-")
      texts[name] = JSON.array(file.resources).text
    }
    for (name, text) in texts {
      let place = Self.references.appending(path: name)
      let readable = try JSONSerialization.data(
        withJSONObject: try JSONSerialization.jsonObject(with: Data(text.utf8)),
        options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
      if ProcessInfo.processInfo.environment["UPDATE_REFERENCES"] == "1" { try (readable + [0x0a]).write(to: place) }
      #expect(try Data(contentsOf: place) == readable + [0x0a], "\(name)")
    }
    let present = try FileManager.default.contentsOfDirectory(atPath: Self.references.path())
    #expect(Set(present.filter { $0.hasPrefix("node-proxy-") }) == Set(texts.keys))
  }

  @Test("is the same for the same agents in any order") func deterministic() throws {
    let proxy = NodeProxy(layout: NodeProxyExample.layout)
    var state = try NodeProxyExample.state()
    let files = proxy.files(state)
    state.agents.reverse()
    #expect(proxy.files(state) == files)
  }

  @Test("holds a credential in its own file and nowhere else, and private keys beside certificates only")
  func secrets() throws {
    let state = try NodeProxyExample.state()
    for file in NodeProxy(layout: NodeProxyExample.layout).files(state) {
      let text = JSON.array(file.resources).text
      #expect(text.contains(NodeProxyExample.canary) == (file.source == .secret("key.acme.key")), "\(file.source)")
      let keys = text.components(separatedBy: "PRIVATE-KEY").count - 1
      #expect(keys == (file.source == .secret("identity") || file.source == .clusters ? 1 : 0), "\(file.source)")
    }
    var dump = ""
    Swift.dump(state, to: &dump)
    for text in [dump, "\(state)", String(reflecting: state)] {
      #expect(!text.contains("canary") && !text.contains("PRIVATE-KEY"))
    }
  }

  @Test("changes no listener for plain HTTP when agents change") func stableListener() throws {
    let proxy = NodeProxy(layout: NodeProxyExample.layout)
    func first(_ state: NodeProxyState) throws -> JSON {
      try #require(proxy.files(state).first { $0.source == .listeners }?.resources.first)
    }
    let some = try first(NodeProxyExample.state())
    #expect(try some == first(NodeProxyState()))
  }

  @Test("forwards nothing whose credential is unknown, is not resolved, or is one too many")
  func missingCredential() throws {
    var layout = NodeProxyExample.layout
    let state = try NodeProxyExample.state()
    func routes(_ state: NodeProxyState) throws -> String {
      try #require(NodeProxy(layout: layout).files(state).text(of: .routes("egress_http")))
    }
    let cluster = "host/api.example.com"
    #expect(try routes(state).contains(cluster))
    #expect(try routes(state).contains("credential missing: secret 'unknown' of agent acme/one is not set"))
    var unknown = state
    unknown.secrets = [:]
    #expect(try !routes(unknown).contains(cluster))
    var unresolved = state
    unresolved.agents[1].credentials = [:]
    #expect(try !routes(unresolved).contains(cluster))
    layout.mostCredentials = 0
    #expect(try !routes(state).contains(cluster))
    #expect(NodeProxy(layout: layout).files(state).allSatisfy { $0.source != .secret("key.acme.key") })
  }

  @Test("gives an address that two agents claim to neither") func claimedTwice() throws {
    var state = try NodeProxyExample.state()
    state.agents[0].address = state.agents[1].address
    for file in NodeProxy(layout: NodeProxyExample.layout).files(state) {
      #expect(!JSON.array(file.resources).text.contains("10.64.0."), "\(file.source)")
    }
  }

  @Test("closes the platform API and the way in while there are no identities") func noMesh() throws {
    var state = try NodeProxyExample.state()
    state.mesh = nil
    let files = NodeProxy(layout: NodeProxyExample.layout).files(state)
    #expect(files.text(of: .routes("ingress")) == nil)
    #expect(try #require(files.text(of: .listeners)).contains("\"name\":\"ingress\"") == false)
    #expect(try #require(files.text(of: .clusters)).contains("\"name\":\"api\"") == false)
    #expect(try #require(files.text(of: .routes("egress_http"))).contains("the platform has no identity yet"))
  }

  @Test(
    "matches principals as Istio does",
    arguments: [
      ("*", true), ("lobstack.local/ns/acme/*", true), ("lobstack.local/ns/acme/agent/one", true),
      ("*/agent/one", true), ("lobstack.local/ns/acme/agent/on", false), ("lobstack.local/ns/other/*", false),
      ("spiffe://lobstack.local/ns/acme/agent/one", false), ("*/agent/two", false),
    ]) func principals(text: String, matches: Bool) throws
  {
    let principal = try #require(AccessRule.Principal(text))
    #expect(principal.matches(.agent(try NodeProxyExample.id("acme/one"), in: .default)) == matches)
  }

  @Test("knows no principal with a '*' inside", arguments: ["", "a*b", "**", "*a*"])
  func badPrincipals(text: String) {
    #expect(AccessRule.Principal(text) == nil)
  }

  @Test(
    "takes no credential that a header cannot carry",
    arguments: ["", " key", "key ", "key\n", "a\u{0}b", "schlüssel", String(repeating: "a", count: 8193)])
  func badSecrets(text: String) {
    #expect(ProxySecret(text) == nil)
  }
}

@Suite(
  "The node proxy's Envoy", .enabled(if: hasEnvoy, "Envoy is not installed: run scripts/setup"),
  .timeLimit(.minutes(2)))
struct NodeProxyValidationTests {
  @Test("calls the bootstrap valid, and all resources when they stand in one") func valid() async throws {
    try await NodeProxyWorld.with { world in
      let proxy = NodeProxy(layout: world.layout)
      let files = proxy.files(try world.state())
      // In a bootstrap the place of a resource says what it is.
      func resources(_ source: EnvoyFile.Source) -> [JSON] {
        (files.first { $0.source == source }?.resources ?? []).map { resource in
          guard case .object(let fields) = resource else { return resource }
          return .object(fields.filter { $0.key != "@type" })
        }
      }
      // What a secret's or a route table's file holds is checked where it is used.
      for file in files { try world.write(file) }
      let listeners = resources(.listeners).map { listener in
        listener.mapping { value in
          guard case .object(var fields) = value, case .object(let rds) = fields["rds"],
            case .string(let name) = rds["route_config_name"]
          else { return value }
          fields["rds"] = nil
          fields["route_config"] = resources(.routes(name)).first
          return .object(fields)
        }
      }
      #expect(listeners.count == 3 && !JSON.array(listeners).text.contains("\"rds\""))
      let resourceful = proxy.bootstrap.adding([
        "dynamic_resources": [:],
        "static_resources": ["listeners": .array(listeners), "clusters": .array(resources(.clusters))],
      ])
      for bootstrap in [proxy.bootstrap, resourceful] {
        let path = "\(world.directory)/validated.json"
        try bootstrap.text.write(toFile: path, atomically: true, encoding: .utf8)
        let result = try await Command(envoyProgram, proxy.arguments(bootstrap: path) + ["--mode", "validate"]).run()
        #expect(result.status == .exited(0), "\(result.standardError.suffix(2000))")
        #expect(!result.standardError.contains("deprecated"), "\(result.standardError.suffix(2000))")
      }
    }
  }
}
