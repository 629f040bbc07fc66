import AgentModel
import ChildProcess
import Foundation
import JSONValues
import Proxy
import Testing

@Suite(
  "Agents' requests to the outside", .enabled(if: hasEnvoy, "Envoy is not installed: run scripts/setup"),
  .timeLimit(.minutes(3)))
struct NodeProxyEgressTests {
  private static let host = "api.stub.test.lobstack.internal"

  @Test("carry the credential of the agent's rule, and no header that could stand for another")
  func credential() async throws {
    try await NodeProxyWorld.running { world in
      let one = try await world.request(.one, Self.host, "/v1/key", "-H", "x-api-key: mine")
      #expect(one.body.contains(hexadecimal(NodeProxyExample.canary)), "\(one)")
      let two = try await world.request(.two, Self.host, "/v1/key", "-d", "")
      #expect(two.body.contains(hexadecimal(NodeProxyExample.canary + "-second")), "\(two)")
      let echo = try await world.request(
        .one, Self.host, "/v1/echo", "-H", "authorization: Bearer mine", "-H", "cookie: a=b", "-H",
        "accept-encoding: gzip", "-H", "range: bytes=0-4", "-H", "x-forwarded-for: 10.0.0.1", "-H",
        "x-envoy-max-retries: 9", "-H", "x-request-id: 1")
      #expect(echo.status == 200 && echo.body.contains("\"accept-encoding\": \"identity\""), "\(echo)")
      for word in ["mine", "a=b", "range", "forwarded", "envoy", "request-id", "lobstack", world.address(of: .one)] {
        #expect(!echo.body.contains(word), "\(word) in \(echo.body)")
      }
    }
  }

  @Test("never bring the credential back, wherever the host puts it") func redaction() async throws {
    try await NodeProxyWorld.running { world in
      let mask = String(repeating: "*", count: NodeProxyExample.canary.count)
      for path in ["/v1/echo", "/v1/split", "/v1/gzip", "/v1/early"] {
        let answer = try await world.request(.one, Self.host, path)
        #expect(!(answer.head + answer.body).contains(NodeProxyExample.canary), "\(path)")
      }
      let echo = try await world.request(.one, Self.host, "/v1/echo")
      #expect(echo.body.contains("\"x-api-key\": \"\(mask)\"") && !echo.head.contains("x-echo"), "\(echo)")
      // Cut at each of its places, then byte by byte; what only began like the credential is not lost at the end.
      let split = try await world.request(.one, Self.host, "/v1/split")
      let lines =
        String(repeating: "<\(mask)>", count: mask.count - 1) + mask + "|" + NodeProxyExample.canary.dropLast()
      #expect(split.body.hasPrefix(lines), "\(split.body)")
      #expect(try await world.request(.one, Self.host, "/v1/gzip").status == 502)
    }
  }

  @Test("get the first event of a stream while the host still thinks about the next") func streaming() async throws {
    try await NodeProxyWorld.running { world in
      let cut = try await world.request(.one, Self.host, "/v1/events", "--max-time", "1.5", "-N")
      #expect(cut.body.contains("data: first") && !cut.body.contains("data: last"), "\(cut)")
      let whole = try await world.request(.one, Self.host, "/v1/events")
      #expect(whole.body.contains("data: first") && whole.body.contains("data: last"))
    }
  }

  @Test("are refused without the credential: unset, emptied while running, or of a host with another name")
  func missing() async throws {
    try await NodeProxyWorld.running { world in
      let unset = try await world.request(.one, "unset.stub.test.lobstack.internal", "/")
      #expect(unset.status == 403 && unset.body.contains("secret 'unset' of agent acme/one is not set"), "\(unset)")
      let bad = try await world.request(.one, "bad.stub.test.lobstack.internal", "/v1/key")
      #expect(bad.status == 503 && bad.body.contains("the host cannot be reached"), "\(bad)")
      #expect(!bad.body.contains("TLS") && !bad.body.contains("elsewhere"), "\(bad)")
      // An empty secret in Envoy's hands, which the renderer never gives it.
      let source = EnvoyFile.Source.secret("key.acme.key")
      let empty = JSON.typed(
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        ["name": "key.acme.key", "generic_secret": ["secret": ["inline_string": ""]]])
      let files = NodeProxy(layout: world.layout).files(try world.state())
        .map { $0.source == source ? EnvoyFile(source, [empty]) : $0 }
      _ = try await world.driver.apply(files, version: "2")
      let answer = try await world.request(.one, Self.host, "/v1/key")
      #expect(answer.status == 403 && answer.body.contains("credential missing"), "\(answer)")
    }
  }

  @Test("pass only by a rule of the agent: method, path, host and who asks") func denied() async throws {
    try await NodeProxyWorld.running { world in
      for (agent, host, path, more) in [
        (NodeProxyWorld.Agent.one, Self.host, "/v1/key", ["-X", "DELETE"]),
        (.one, Self.host, "/v1/key", ["-X", "TRACE"]), (.one, Self.host, "/v2/key", []), (.one, Self.host, "/v1", []),
        (.one, "evil.test", "/", []), (.one, "169.254.169.254", "/", []), (.two, Self.host, "/v1/echo", ["-d", ""]),
        (.two, Self.host, "/v1/key", []), (.two, "bad.stub.test.lobstack.internal", "/", []),
        (.nobody, Self.host, "/v1/key", []),
        (.two, Self.host, "/v1/echo", ["-H", "x-lobstack-source: \(world.address(of: .one))"]),
        (.two, Self.host, "/v1/echo", ["-H", "x-forwarded-for: \(world.address(of: .one))"]),
        (.two, Self.host, "/v1/echo", ["-H", "connection: x-lobstack-source"]),
      ] as [(NodeProxyWorld.Agent, String, String, [String])] {
        let answer = try await world.curl(
          ["--interface", world.address(of: agent), "-H", "Host: \(host)"] + more + [
            "http://\(world.layout.serviceAddress):\(world.layout.httpPort)\(path)"
          ])
        #expect(answer.status == 403, "\(agent) \(host) \(path) \(more): \(answer)")
        #expect(!answer.head.lowercased().contains("\nserver:") && !answer.head.contains("envoy"), "\(answer)")
      }
      try await eventually { !world.denials("\"agent\":\"\(world.address(of: .nobody))\"").isEmpty }
      #expect(!world.denials("\"path\":\"/v2/key\"", "\"kind\":\"http\"", "\"code\":403", "\"method\":\"GET\"").isEmpty)
    }
  }

  @Test(
    "have their path in one form before a rule sees it",
    arguments: [
      ("/v1/../admin", 403), ("/v1/%2e%2e/admin", 403), ("/v1/.%2E/admin", 403), ("/v1/..\\admin", 403),
      ("/v1/x/../../admin", 403), ("/v1/..;/admin", 403), ("/v1/..%2fadmin", 400), ("/v1/..%5cadmin", 400),
      ("/v1/%00", 400), ("//admin", 403), ("/V1/key", 403), ("/v1//x/./y", 200), ("/v1/x?../../admin", 200),
    ]) func paths(path: String, status: Int) async throws
  {
    try await NodeProxyWorld.running { world in
      let answer = try await world.request(.one, Self.host, path)
      #expect(answer.status == status, "\(answer)")
      if path == "/v1//x/./y" { #expect(answer.body.hasPrefix("path /v1/x/y")) }
    }
  }

  @Test("cannot be smuggled: two hosts, absolute forms, CONNECT, upgrades, two lengths, odd codings")
  func forms() async throws {
    try await NodeProxyWorld.running { world in
      let host = Self.host
      let end = "\r\nConnection: close\r\n\r\n"
      for (text, status) in [
        ("GET /v1/any HTTP/1.1\r\nHost: \(host)\(end)", 200),
        ("GET /v1/any HTTP/1.1\r\nHost: \(host):9999\(end)", 200),
        ("GET http://\(host)/v1/any HTTP/1.1\r\nHost: evil.test\(end)", 200),
        ("GET http://evil.test/v1/any HTTP/1.1\r\nHost: \(host)\(end)", 403),
        ("GET http://\(host)/v1/../admin HTTP/1.1\r\nHost: \(host)\(end)", 403),
        ("GET /v1/any HTTP/1.1\r\nHost: \(host)\r\nHost: evil.test\(end)", 403),
        ("GET /v1/any HTTP/1.1\(end)", 400), ("GET /v1/any HTTP/1.0\r\nHost: \(host)\(end)", 426),
        ("CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\(end)", 403),
        ("CONNECT \(host):80 HTTP/1.1\r\nHost: \(host):80\(end)", 403),
        ("GET /v1/any HTTP/1.1\r\nHost: \(host)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 403),
        ("POST /v1/any HTTP/1.1\r\nHost: \(host)\r\nContent-Length: 1\r\nContent-Length: 2\(end)a", 400),
        (
          "POST /v1/any HTTP/1.1\r\nHost: \(host)\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\(end)0\r\n\r\n",
          400
        ),
        ("POST /v1/any HTTP/1.1\r\nHost: \(host)\r\nTransfer-Encoding: xchunked\(end)0\r\n\r\n", 501),
        ("GET /v1/any HTTP/1.1\r\nHost : \(host)\(end)", 400),
        ("GET /v1/any HTTP/1.1\r\nHost: \(host)\r\nx_api_key: a\(end)", 400),
        ("GET /v1/any HTTP/1.1\r\nHost: \(host)\r\nx-a: \(String(repeating: "a", count: 40_000))\(end)", 431),
        ("\u{16}\u{3}\u{1}garbage\r\n\r\n", 400),
      ] {
        let answer = try await world.raw(.one, port: world.layout.httpPort, text)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(120)): \(answer.prefix(300))")
      }
      let h2 = try await world.request(.one, host, "/v1/any", "--http2-prior-knowledge")
      #expect(h2.status == 200 && h2.head.hasPrefix("HTTP/2"), "\(h2)")
      #expect(try await world.request(.one, host, "/v1/../admin", "--http2-prior-knowledge").status == 403)
    }
  }

  @Test("beyond an agent's rate wait, and nobody else's do, whatever addresses it claims") func rate() async throws {
    try await NodeProxyWorld.running { world in
      // One connection, four hundred requests.
      let many = try await world.request(.one, Self.host, "/none?[1-400]", "-H", "x-forwarded-for: 10.0.0.1")
      let answers = many.head + many.body
      #expect(answers.contains("HTTP/1.1 429") && answers.contains("HTTP/1.1 403"), "\(answers.prefix(400))")
      #expect(try await world.request(.two, Self.host, "/v1/key", "-d", "").status == 200)
    }
  }

  @Test("leave no credential in Envoy's dump, statistics or logs") func noTrace() async throws {
    try await NodeProxyWorld.running { world in
      _ = try await world.request(.one, Self.host, "/v1/echo?key=\(NodeProxyExample.canary)")
      _ = try await world.request(.one, Self.host, "/v9?key=\(NodeProxyExample.canary)")
      try await eventually { !world.denials("\"path\":\"/v9\"").isEmpty }
      for place in ["config_dump?include_eds", "stats", "clusters", "listeners", "certs"] {
        let text = try await Command(
          "curl", ["-s", "--unix-socket", world.layout.adminSocket, "http://admin/\(place)"]
        ).check()
        #expect(!text.isEmpty && !text.contains(NodeProxyExample.canary) && !text.contains("PRIVATE KEY"), "\(place)")
      }
      #expect(!world.log.contains(NodeProxyExample.canary) && world.denials(NodeProxyExample.canary).isEmpty)
    }
  }

  @Test("write denials in lines of bounded length, whatever the agent sends") func boundedLines() async throws {
    try await NodeProxyWorld.running { world in
      let long = String(repeating: "\"", count: 15_000)
      _ = try await world.request(.one, "evil.test", "/\(String(repeating: "b", count: 20_000))", "-X", long)
      _ = try await world.raw(
        .one, port: world.layout.httpPort, "GET / HTTP/1.1\r\nHost: \(String(repeating: "c", count: 20_000))\r\n\r\n")
      try await eventually { world.denials("ccc").count == 1 && world.denials("\"kind\"").count >= 2 }
      #expect(world.denials("\"kind\"").allSatisfy { $0.utf8.count < 2_000 })
    }
  }
}

func hexadecimal(_ text: String) -> String {
  text.utf8.map { byte in
    let digits = String(byte, radix: 16)
    return digits.utf8.count == 1 ? "0" + digits : digits
  }.joined()
}
