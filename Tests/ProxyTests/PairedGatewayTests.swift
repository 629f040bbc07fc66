import AgentModel
import ChildProcess
import Foundation
import JSONValues
import Proxy
import Testing

@Suite("The gateway of an agent on a cluster") struct PairedGatewayTests {
  @Test("says of hosts, methods and paths what the node proxy says, of one agent") func sameRules() throws {
    let agent = try PairedGatewayWorld.agent { spec in
      spec.egress += [
        try NodeProxyExample.allowance("*.files.test"), try NodeProxyExample.allowance("*.a.files.test"),
        try NodeProxyExample.allowance("token.test", secret: "token", header: "authorization", prefix: "Bearer "),
      ]
    }
    let secrets = ["key", "token"].compactMap(SecretName.init)
    let keys = Dictionary(uniqueKeysWithValues: secrets.map { ($0, CredentialKey.agent(agent.id, $0)) })
    let node = NodeProxy(layout: NodeProxyExample.layout).files(
      NodeProxyState(
        agents: [
          ProxiedAgent(
            id: agent.id, address: PairedGatewayWorld.service, egress: agent.spec.egress, credentials: keys,
            ports: agent.spec.ports)
        ],
        mesh: .init(identity: WorkloadCertificate(chain: "", privateKey: ""), roots: ""),
        secrets: try Dictionary(uniqueKeysWithValues: keys.values.map { ($0, try #require(ProxySecret("value"))) })))
    var gateway = PairedGateway(agent, service: PairedGatewayWorld.service)
    gateway.layout.resolver = NodeProxyExample.layout.resolver
    let paired = gateway.resources

    func hosts(_ files: [EnvoyFile]) throws -> [JSON] {
      let table = try #require(files.first { $0.source == .routes("egress_http") }?.resources.first)
      guard case .object(let fields) = table, case .array(let hosts)? = fields["virtual_hosts"] else { return [] }
      // There is no way to the platform's API on a cluster.
      return hosts.filter { !$0.text.contains("\"api.lobstack.internal\"") }
    }
    let said = try hosts(node)
    #expect(try said == hosts(paired) && said.count == 3)
    #expect(node.text(of: .routes("ingress")) == paired.text(of: .routes("ingress")))

    // The choice by server name is the same object; on a machine it stands below the agent's address.
    func field(_ value: JSON?, _ path: String...) -> JSON? {
      path.reduce(value) { value, name in
        if case .object(let fields)? = value { fields[name] } else { nil }
      }
    }
    func chains(_ files: [EnvoyFile]) throws -> JSON {
      try #require(files.first { $0.source == .listeners }?.resources.first { $0.text.contains("\"egress_tls\"") })
    }
    let byName = field(
      try chains(node), "filter_chain_matcher", "matcher_tree", "exact_match_map", "map", PairedGatewayWorld.service)
    let listener = try chains(paired)
    #expect(byName != nil && field(listener, "filter_chain_matcher", "on_no_match") == byName)
    #expect(field(listener, "filter_chains") == field(try chains(node), "filter_chains"))
  }

  @Test("watches the volumes themselves, and holds no credential's value") func volumes() throws {
    let files = PairedGateway.files(try PairedGatewayWorld.agent(), service: PairedGatewayWorld.service)
    #expect(
      files.keys.sorted() == [
        "bootstrap.json", "cds-cds.json", "lds-lds.json", "rds-egress_http.json", "rds-ingress.json",
      ])
    for (name, text) in files {
      let subscriptions = text.components(separatedBy: "path_config_source").count - 1
      #expect(
        text.components(separatedBy: "\"watched_directory\":{\"path\":\"/etc").count - 1 == subscriptions, "\(name)")
      #expect(!text.contains("transport_socket_matches") && !text.contains("inline_string\":\"sk-"), "\(name)")
    }
    #expect(files == PairedGateway.files(try PairedGatewayWorld.agent(), service: PairedGatewayWorld.service))
  }

  @Test("has no way in for an agent without ports, and no way out for one without hosts") func nothing() throws {
    let agent = try PairedGatewayWorld.agent { spec in (spec.ports, spec.egress) = ([:], []) }
    let files = PairedGateway.files(agent, service: PairedGatewayWorld.service)
    #expect(files.keys.sorted() == ["bootstrap.json", "cds-cds.json", "lds-lds.json", "rds-egress_http.json"])
    #expect(files["lds-lds.json"]?.contains("ingress") == false)
    #expect(files["cds-cds.json"]?.contains("\"resources\":[]") == true)
  }
}

@Suite(
  "The Envoy of an agent's gateway", .enabled(if: hasEnvoy, "Envoy is not installed: run scripts/setup"),
  .timeLimit(.minutes(2)))
struct PairedGatewayLiveTests {
  private static let host = "api.stub.test.lobstack.internal"

  @Test("calls the files valid as they are rendered") func valid() async throws {
    try await NodeProxyWorld.with { base in
      for agent in [
        try PairedGatewayWorld.agent(), try PairedGatewayWorld.agent { ($0.ports, $0.egress) = ([:], []) },
      ] {
        let gateway = PairedGatewayWorld.gateway(agent, in: base)
        try PairedGatewayWorld(base: base, gateway: gateway).write(gateway.files, to: "volume")
        let bootstrap = "\(base.directory)/volume/bootstrap.json"
        let arguments = NodeProxy(layout: gateway.layout).arguments(bootstrap: bootstrap) + ["--mode", "validate"]
        let result = try await Command(envoyProgram, arguments).run()
        #expect(result.status == .exited(0), "\(result.standardError.suffix(2000))")
      }
    }
  }

  @Test("lets out and in what the agent's rules allow, with a credential that the agent never sees")
  func enforced() async throws {
    try await PairedGatewayWorld.running { world in
      let base = world.base
      let key = try await base.request(.one, Self.host, "/v1/key", "-H", "x-api-key: mine")
      #expect(key.status == 200 && key.body.contains(hexadecimal(NodeProxyExample.canary)), "\(key) \(base.log)")
      for path in ["/v1/echo", "/v1/split", "/v1/gzip"] {
        let answer = try await base.request(.one, Self.host, path)
        #expect(!(answer.head + answer.body).contains(NodeProxyExample.canary), "\(path)")
      }
      for (host, path, method) in [
        (Self.host, "/v1/key", "DELETE"), (Self.host, "/v2/key", "GET"), (Self.host, "/v1/../admin", "GET"),
        ("bad.stub.test.lobstack.internal", "/", "GET"), ("169.254.169.254", "/", "GET"),
        ("api.lobstack.internal", "/v1/identity", "GET"),
      ] {
        #expect(try await base.request(.one, host, path, "-X", method).status == 403, "\(host) \(path) \(method)")
      }
      #expect(try await base.passThrough(.one, "other.stub.test").status == 200)
      for name in ["api.stub.test", "evil.test"] {
        #expect(try await base.passThrough(.one, name).status == 0, "\(name)")
      }
      let inside = try await world.enter("/agents/acme/one/hello", "-H", "authorization: Bearer caller")
      #expect(inside.status == 200 && inside.body.hasPrefix("path /hello\n"), "\(inside) \(base.log)")
      #expect(try await world.enter("/agents/acme/two/hello").status == 404)

      #expect(try await world.probe("/live").status == 200)
      for path in ["/config_dump", "/ready/../config_dump", "/quitquitquit", "/"] {
        #expect(try await world.probe(path).status == 404, "\(path)")
      }
      let dump = try await Command(
        "curl", ["-s", "--unix-socket", world.gateway.layout.adminSocket, "http://admin/config_dump?include_eds"]
      ).check()
      #expect(dump.contains("acme.one.key") && !dump.contains(NodeProxyExample.canary))
      #expect(base.log.contains("\"kind\":\"http\"") && !base.log.contains(NodeProxyExample.canary))
    }
  }

  @Test("takes changed volumes without a restart, and no credential that is none, or more than one header")
  func changed() async throws {
    try await PairedGatewayWorld.running { world in
      let base = world.base
      #expect(try await base.request(.one, Self.host, "/v2/key").status == 403)
      let agent = try PairedGatewayWorld.agent { spec in
        spec.egress[0].paths = ["/v2/*", "/v1/key"]
        spec.egress.remove(at: 1)
      }
      try world.write(PairedGatewayWorld.gateway(agent, in: base).files, to: "volume")
      try await eventually { try await base.request(.one, Self.host, "/v2/key").status == 200 }
      try await eventually { try await base.passThrough(.one, "other.stub.test").status == 0 }

      let second = NodeProxyExample.canary + "-second"
      try world.write(["key": second], to: "credentials")
      try await eventually {
        try await base.request(.one, Self.host, "/v1/key").body.contains(hexadecimal(second))
      }
      for value in ["\(second)\n", "\(second)\r\nx-other: 1", " \(second)", ""] {
        try world.write(["key": second], to: "credentials")
        try await eventually { try await base.request(.one, Self.host, "/v1/key").status == 200 }
        try world.write(["key": value], to: "credentials")
        try await eventually { try await base.request(.one, Self.host, "/v1/key").status == 403 }
      }
    }
  }
}
