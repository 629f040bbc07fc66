import AgentModel
import ChildProcess
import Foundation
import JSONValues
import Proxy
import Testing

@Suite("The way in to the agents of a cluster") struct AgentIngressTests {
  @Test("has the routes of the gateway of one machine for agents, and no others") func sameRoutes() throws {
    let bootstrap = AgentIngress(.mesh, controlPlane: "control-plane.test.svc").bootstrap.text
    let machine = GatewayLayout(
      address: "::", port: 443, files: EnvoyFiles(directory: "/g"), adminSocket: "", accessLog: "", apiSocket: "",
      ingressSocket: ""
    ).bootstrap.text
    for piece in [
      "\"/agents/[a-z0-9-]+/[a-z0-9-]+/.*\"", "\"clear-site-data\"", "\"failure_mode_allow\":false",
      "\"ServiceUnavailable\"", "\"sandbox\"", "\"REJECT_REQUEST\"", "\"/internal/authorize\"",
    ] {
      #expect(bootstrap.contains(piece) && machine.contains(piece), "\(piece)")
    }
    for piece in ["/v1/trust-bundle", "/dashboard", "/metrics"] { #expect(!bootstrap.contains(piece), "\(piece)") }
    // One machine's gateway leads to one place, whatever an answer says.
    #expect(!machine.contains("allowed_upstream_headers") && bootstrap.contains("allowed_upstream_headers"))
  }

  @Test("has the certificate and the authority by files that change, and no key in its own") func files() throws {
    let files = AgentIngress.files(.tls(directory: "/etc/lobstack-tls"), controlPlane: "control-plane.test.svc")
    #expect(files.keys.sorted() == ["bootstrap.json", "sds-public.json", "sds-trust.json"])
    #expect(files["sds-public.json"]?.contains("\"watched_directory\":{\"path\":\"/etc/lobstack-tls\"}") == true)
    let bootstrap = try #require(files["bootstrap.json"])
    #expect(bootstrap.contains("\"exact\":\"control-plane.test.svc\"") && bootstrap.contains("\"TLSv1_3\""))
    #expect(!bootstrap.contains("TLSv1_2"))
    let mesh = AgentIngress.files(.mesh, controlPlane: "control-plane.test.svc")
    #expect(mesh.keys.sorted() == ["bootstrap.json"])
  }
}

@Suite(
  "The real way in to the agents of a cluster", .enabled(if: hasEnvoy, "Envoy is not installed: run scripts/setup"),
  .timeLimit(.minutes(1)))
struct AgentIngressLiveTests {
  @Test("calls the files valid as they are rendered") func valid() async throws {
    try await NodeProxyWorld.with { base in
      for front in [AgentIngress.Front.mesh, .tls(directory: base.directory)] {
        for (from, to) in [("host.crt", "tls.crt"), ("host.key", "tls.key"), ("web.crt", "ca.crt")]
        where !FileManager.default.fileExists(atPath: "\(base.directory)/\(to)") {
          try FileManager.default.copyItem(atPath: "\(base.directory)/\(from)", toPath: "\(base.directory)/\(to)")
        }
        let ingress = try AgentIngressWorld.ingress(front, in: base)
        try AgentIngressWorld(base: base, ingress: ingress).write()
        let arguments =
          ingress.layout.arguments(bootstrap: "\(base.directory)/volume/bootstrap.json") + ["--mode", "validate"]
        let result = try await Command(envoyProgram, arguments).run()
        #expect(result.status == .exited(0), "\(result.standardError.suffix(2000))")
      }
    }
  }

  @Test("leads a request where the control plane's answer says, without the caller's token") func led() async throws {
    try await AgentIngressWorld.running { world in
      let answer = try await world.call(
        "/agents/acme/one/http/a?b=c", "-H", "host: agents.example.org:8443", "-H", "cookie: session=1", "-H",
        "x-csrf-token: 1", "-H", "x-lobstack-agent-gateway: other.test", "-H", "x-lobstack-caller: mallory", "-H",
        "x-forwarded-for: 192.0.2.9")
      #expect(answer.status == 200, "\(answer) \(world.base.log)")
      let seen = try JSON(Array(answer.body.split(separator: "\n").dropLast().joined(separator: "").utf8))
      #expect(seen["line"]?.string == "GET /agents/acme/one/http/a?b=c HTTP/1.1")
      let headers = try #require(seen["headers"]?.object)
      #expect(headers["host"]?.string == "agents.example.org" && headers["x-forwarded-for"]?.string == "192.0.2.9")
      #expect(headers["x-request-id"]?.string?.isEmpty == false)
      for name in ["authorization", "cookie", "x-csrf-token", "x-lobstack-agent-gateway", "x-lobstack-caller"] {
        #expect(headers[name] == nil, "\(name)")
      }
      #expect(!answer.head.lowercased().contains("set-cookie") && !answer.head.contains("server: agent"))
      #expect(answer.head.contains("content-security-policy: sandbox"))

      // The control plane is asked under its own name, by which a mesh leads; with the token and nothing else of it.
      let asked = try #require(try world.seen("asked").first)
      #expect(asked.contains("GET /internal/authorize/agents/acme/one/http/a?b=c"))
      #expect(asked.contains("\"host\": \"control-plane.lobstack-control-plane.svc\""))
      #expect(asked.contains("Bearer good") && !asked.contains("session=1"))
      #expect(!world.base.log.contains("b=c") && !world.base.log.contains("Bearer"))
      // By the control plane's word, in the log and nowhere else.
      try await eventually { world.base.log.contains(#""caller":"alice@example.org""#) }
      #expect(!world.base.log.contains("mallory"), "\(world.base.log)")

      let socket = try await world.call(
        "/agents/acme/one/", "-N", "--max-time", "1", "-H", "connection: upgrade", "-H", "upgrade: websocket")
      #expect(socket.head.hasPrefix("HTTP/1.1 101"), "\(socket)")
    }
  }

  @Test("leads nowhere without that answer, whatever the request names") func closed() async throws {
    try await AgentIngressWorld.running { world in
      let address = try #require(world.base.layout.resolver).address
      for (token, status) in [(nil, 401), ("bad", 401), ("broken", 503), ("lost", 503)] {
        for host in ["other.test:15081", "\(address):15081", "gateway-one.lobstack-agents-acme.svc"] {
          let answer = try await world.call(
            "/agents/acme/one/x", token: token, "-H", "host: \(host)", "-H",
            "x-lobstack-agent-gateway: gateway-one.lobstack-agents-acme")
          #expect(answer.status == status && !answer.body.contains("secret"), "\(token ?? "") \(host) \(answer)")
        }
      }
      for (path, status) in [
        ("/", 404), ("/v1/agents", 404), ("/agents/acme/one", 404), ("/agents/ACME/one/", 404),
        ("/agents/../v1/x", 404),
        ("/agents/acme%2Fone/x/y", 400), ("/internal/authorize/agents/acme/one/", 404),
      ] {
        #expect(try await world.call(path).status == status, "\(path)")
      }
      #expect(try await world.call("/agents/acme/one/", "-X", "TRACE").status == 405)
      #expect(try world.seen("called").isEmpty && !world.seen("looked").contains("looked other.test"))
      #expect(!(try world.seen("asked")).isEmpty)
    }
  }
}
