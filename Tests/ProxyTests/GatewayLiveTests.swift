import ChildProcess
import Faults
import Foundation
import Proxy
import Testing

@Suite("The gateway", .enabled(if: hasEnvoy, "Envoy is not installed: run scripts/setup"), .timeLimit(.minutes(3)))
struct GatewayLiveTests {
  @Test("speaks TLS 1.3 and nothing else, HTTP/2 and HTTP/1.1") func protocols() async throws {
    try await GatewaySite.with { site in
      #expect(try await site.curl("/v1/x", "--tls-max", "1.2").exit == 35)
      #expect(try await site.curl("/v1/x", "--tlsv1.3", "--http2").status == 200)
      #expect(try await site.curl("/v1/x", "--http1.1").status == 200)
      // In plaintext: an empty reply.
      #expect(try await site.curl("http://127.0.0.1:\(site.port)/v1/x").exit == 52)
      for version in ["-tls1_2", "-tls1_1"] {
        let result = try await Command("openssl", ["s_client", "-connect", "127.0.0.1:\(site.port)", version]).run()
        #expect(result.status != .exited(0))
      }
    }
  }

  @Test("passes the API's requests on as itself, with the client's true address and nothing that a client claims")
  func passesOn() async throws {
    try await GatewaySite.with { site in
      let answer = try await site.curl(
        "/v1/agents?limit=1", "-H", "x-lobstack-client-address: 6.6.6.6", "-H", "X-Lobstack-Agent: evil", "-H",
        "x-forwarded-for: 6.6.6.6", "-H", "x-forwarded-client-cert: URI=evil", "-H", "x-forwarded-proto: http", "-H",
        "x-envoy-upstream-rq-timeout-ms: 1", "-H", "x-request-id: mine")
      #expect(answer.status == 200)
      #expect(answer.member("path") == "/v1/agents?limit=1")
      #expect(answer.body.contains(#""peer": ["spiffe://lobstack.local/ns/system/gateway"]"#))
      #expect(answer.member("headers", "authorization") == "Bearer good")
      #expect(answer.member("headers", "x-lobstack-client-address") == "127.0.0.1")
      #expect(answer.member("headers", "x-forwarded-for") == "127.0.0.1")
      #expect(answer.member("headers", "x-forwarded-proto") == "https")
      #expect(answer.member("headers", "x-request-id") == answer.headers["x-request-id"])
      for claim in ["evil", "6.6.6.6", "mine", "timeout"] { #expect(!answer.body.contains(claim), "\(answer.body)") }
      #expect(answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains")
      #expect(answer.headers["x-content-type-options"] == "nosniff")
      for banner in ["server", "x-powered-by", "via"] { #expect(answer.headers[banner] == nil) }
    }
  }

  @Test("lets only those speak to an agent for whom the control plane says yes, and keeps their token from it")
  func authorises() async throws {
    try await GatewaySite.with { site in
      let good = try await site.curl("/agents/acme/bot/http/x?q=1", "-H", "content-type: a/b", "-d", "hello")
      #expect(good.status == 200)
      #expect(good.member("role") == "agent")
      #expect(good.member("path") == "/agents/acme/bot/http/x?q=1")
      #expect(good.member("headers", "authorization") == nil)
      #expect(good.member("headers", "x-lobstack-client-address") == "127.0.0.1")
      #expect(good.headers["set-cookie"] == nil)
      #expect(good.headers["content-security-policy"] == "sandbox")
      let asked = try String(contentsOfFile: "\(site.directory)/authorize.log", encoding: .utf8)
      for part in [
        #""method": "POST""#, #""path": "/internal/authorize/agents/acme/bot/http/x?q=1""#,
        #""authorization": "Bearer good""#, #""x-lobstack-client-address": "127.0.0.1""#,
      ] { #expect(asked.contains(part), "\(asked)") }

      let other = try await site.curl("/agents/acme/bot/", token: "other")
      #expect(other.status == 403)
      #expect(other.member("detail") == "not your agent")
      #expect(other.headers["content-type"] == "application/problem+json")
      let nobody = try await site.curl("/agents/acme/bot/", token: nil)
      #expect(nobody.status == 401)
      #expect(nobody.headers["www-authenticate"] == "Bearer")
      #expect(nobody.headers["strict-transport-security"] != nil)
    }
  }

  @Test("closes the way to the agents when the control plane fails, hangs or is gone") func failsClosed() async throws {
    try await GatewaySite.with { site in
      for trouble in ["authorize-fails", "authorize-hangs"] {
        try site.touch(trouble)
        let answer = try await site.curl("/agents/acme/bot/x")
        #expect(answer.status == 503, "\(trouble)")
        #expect(answer.member("fault", "code") == "unavailable")
        try site.remove(trouble)
      }
      await site.stopUpstream()
      let agent = try await site.curl("/agents/acme/bot/x")
      let api = try await site.curl("/v1/x")
      for answer in [agent, api] {
        #expect(answer.status == 503)
        #expect(answer.headers["content-type"] == "application/problem+json")
        #expect(answer.headers["server"] == nil)
        for word in ["upstream", "envoy", "sock", "connect"] { #expect(!answer.body.lowercased().contains(word)) }
      }
    }
  }

  @Test("speaks to nobody who is not the control plane", arguments: ["proxy", "gateway", "imposter"])
  func knowsItsPeer(_ identity: String) async throws {
    try await GatewaySite.with(api: identity) { site in
      for path in ["/v1/x", "/agents/acme/bot/x"] {
        let answer = try await site.curl(path)
        #expect(answer.status == 503)
      }
    }
  }

  @Test("lets events through as they come, WebSockets both ways, and long uploads to agents") func streams()
    async throws
  {
    try await GatewaySite.with { site in
      let start = Date().timeIntervalSince1970
      let events = try await site.curl("/agents/acme/bot/events", "--no-buffer", "-w", "%{time_starttransfer}")
      #expect(events.headers["content-type"] == "text/event-stream")
      let times = events.body.split(separator: "\n").compactMap { Double($0.replacing("data: ", with: "")) }
      #expect(times.count == 5)
      // The first arrived before the last was sent.
      if times.count == 5 { #expect(start + times[4] < times[3], "\(events.body)") }

      let socket = try await site.send(
        "GET /agents/acme/bot/chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\n"
          + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
          + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nbye")
      #expect(socket.status == 101)
      #expect(socket.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
      #expect(socket.body == "BYE")

      try write(String(repeating: "a", count: 3 << 20), to: "\(site.directory)/long")
      let upload = try await site.curl(
        "/agents/acme/bot/up", "-H", "expect:", "--data-binary", "@\(site.directory)/long")
      #expect(upload.member("length") == "\(3 << 20)")
      // The one kind of request to the API that may be long.
      let exec = try await site.curl(
        "/v1/tenants/acme/agents/bot/exec", "-H", "expect:", "--data-binary", "@\(site.directory)/long")
      #expect(exec.member("length") == "\(3 << 20)")
      let unasked = try await site.send(
        "GET /agents/acme/bot/chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
      #expect(unasked.status == 401)
    }
  }

  @Test("leads browsers to the dashboard, and their session to the API and to no agent") func browsers() async throws {
    try await GatewaySite.with { site in
      for path in ["/", "/dashboard"] {
        let answer = try await site.curl(path, token: nil)
        #expect(answer.status == 308 && answer.headers["location"]?.hasSuffix("/dashboard/") == true, "\(path)")
      }
      let page = try await site.curl("/dashboard/", token: nil)
      #expect(page.status == 200 && page.member("path") == "/dashboard/")
      let policy = try #require(page.headers["content-security-policy"])
      for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"] {
        #expect(policy.contains(part), "\(policy)")
      }
      #expect(!policy.contains("unsafe") && page.headers["x-frame-options"] == "DENY")
      let session = "cookie: a=b; __Host-lobstack-session=x"
      #expect(try await site.curl("/v1/agents", token: nil).status == 401)
      #expect(try await site.curl("/v1/agents", token: nil, "-H", "cookie: a=b").status == 401)
      let read = try await site.curl("/v1/agents", token: nil, "-H", session)
      #expect(read.status == 200 && read.member("headers", "cookie")?.contains("__Host-lobstack-session=x") == true)
      let agent = try await site.curl("/agents/acme/bot/", token: nil, "-H", session)
      #expect(agent.status == 401)
      let both = try await site.curl("/agents/acme/bot/", "-H", session, "-H", "x-csrf-token: y")
      #expect(both.status == 200 && both.member("headers", "cookie") == nil)
      #expect(both.member("headers", "x-csrf-token") == nil)
      let asked = try String(contentsOfFile: "\(site.directory)/authorize.log", encoding: .utf8)
      #expect(!asked.contains("__Host-lobstack-session"))
    }
  }

  @Test("routes what a path means, not how it is spelt") func paths() async throws {
    try await GatewaySite.with { site in
      let cases: [(String, Int, String?)] = [
        ("/v1/../../agents/acme/bot/x", 200, "/agents/acme/bot/x"), ("/agents/acme/bot/../../../v1/x", 200, "/v1/x"),
        ("/agents/acme/bot/%2e%2e/other/x", 200, "/agents/acme/other/x"),
        ("/agents//acme///bot/x", 200, "/agents/acme/bot/x"),
        ("/v1\\x", 200, "/v1/x"), ("/agents/acme/bot/..%2f..%2fx", 400, nil), ("/v1%2fx", 400, nil),
        ("/agents/acme/bot/%5c..%5cx", 400, nil), ("/v1/x%00", 400, nil),
        ("/internal/authorize/agents/acme/bot/", 404, nil), ("//internal/x", 404, nil), ("/v1x", 404, nil),
        ("/V1/x", 404, nil), ("/agents/acme/bot", 404, nil), ("/agents/Acme/bot/", 404, nil),
        ("/dashboard/app.js", 200, "/dashboard/app.js"), ("/dashboard.js", 404, nil), ("/x", 404, nil),
        ("/metrics", 200, "/metrics"), ("/metrics/x", 404, nil), ("/healthz", 200, "/healthz"),
        ("/livez", 200, "/livez"),
        ("/openapi.json", 200, "/openapi.json"),
      ]
      for (path, status, seen) in cases {
        let answer = try await site.curl(path)
        #expect(answer.status == status, "\(path)")
        #expect(answer.member("path") == seen, "\(path)")
        #expect(answer.headers["strict-transport-security"] != nil, "\(path)")
        if status != 200 { #expect(answer.member("fault", "operation") == "answer the request", "\(path)") }
      }
      // What was asked of the control plane is what went to the agent.
      let asked = try String(contentsOfFile: "\(site.directory)/authorize.log", encoding: .utf8)
      #expect(!asked.contains("..") && !asked.contains("%2e"))
    }
  }

  @Test("takes no request that two servers could read in two ways") func smuggling() async throws {
    try await GatewaySite.with { site in
      for (plain, status) in Self.ambiguous {
        // With a token, since without one nothing more is looked at.
        let line = plain.firstRange(of: "\r\n").map { $0.upperBound } ?? plain.endIndex
        let request = plain[..<line] + "Authorization: Bearer t\r\n" + plain[line...]
        let answer = try await site.send(String(request))
        #expect(answer.status == status, "\(request)")
        #expect(answer.exit == 0, "not closed: \(request)")
        #expect(!answer.body.contains("smuggled"))
        #expect(answer.headers["content-type"] == "application/problem+json")
      }
    }
  }

  private static let post = "POST /v1/x HTTP/1.1\r\nHost: localhost\r\n"
  private static let smuggled = "0\r\n\r\nGET /v1/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
  static let ambiguous: [(String, Int)] = [
    (post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled, 400),
    (post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
    (post + "Content-Length: +5\r\n\r\nabcde", 400),
    (post + "Transfer-Encoding: xchunked\r\n\r\n" + smuggled, 501),
    (post + "Transfer-Encoding : chunked\r\n\r\n" + smuggled, 400),
    (post + "Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", 400),
    ("GET /v1/x HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400),
    ("GET /v1/x HTTP/1.1\r\n\r\n", 400),
    ("GET http://evil/v1/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
    ("GET /v1/x HTTP/1.0\r\nHost: localhost\r\n\r\n", 426),
    ("GET /v1/x HTTP/1.1\r\nHost: localhost\r\nX_A: 1\r\nConnection: close\r\n\r\n", 400),
    ("GET /v1/x#y HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
    ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
    ("TRACE /agents/acme/bot/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405),
    ("CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 403),
  ]

  @Test("bounds bodies, headers and the time that they take") func sizes() async throws {
    try await GatewaySite.with { site in
      try write(String(repeating: "a", count: 2 << 20), to: "\(site.directory)/long")
      try write(String(repeating: "a", count: 1_000_000), to: "\(site.directory)/short")
      let short = try await site.curl("/v1/x", "-H", "expect:", "--data-binary", "@\(site.directory)/short")
      #expect(short.member("length") == "1000000")
      let long = try await site.curl(
        "/v1/x", "--http1.1", "-H", "expect:", "--data-binary", "@\(site.directory)/long")
      #expect(long.status == 413)
      #expect(long.member("fault", "code") == "exhausted")
      let headers = try await site.curl("/v1/x", "--http1.1", "-H", "x-a: \(String(repeating: "a", count: 20000))")
      #expect(headers.status == 431)
      let many = (0..<70).map { "x-a\($0): 1\r\n" }.joined()
      #expect(try await site.send("GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\(many)\r\n").status == 431)
      // Never comes to the end of its headers.
      let slow = try await site.send("GET /v1/x HTTP/1.1\r\nHost: localhost\r\n")
      #expect(slow.status == 408)
      #expect(try await site.curl("/v1/x").status == 200)
    }
  }

  @Test("limits what one token and one address may ask, says how, and leaves others alone") func rates() async throws {
    var limits = GatewayLayout.Limits()
    limits.token = .init(perSecond: 1, burst: 3)
    limits.address = .init(perSecond: 2, burst: 12)
    try await GatewaySite.with(limits: limits) { site in
      var answers: [GatewaySite.Answer] = []
      for _ in 0..<8 { answers.append(try await site.curl("/v1/x", token: "a")) }
      let refused = try #require(answers.first { $0.status == 429 })
      for answer in answers.prefix(3) {
        #expect(answer.status == 200)
        #expect(answer.headers["x-ratelimit-limit"] == "3", "\(answer.headers)")
      }
      #expect(refused.headers["retry-after"] == "1")
      #expect(refused.headers["x-ratelimit-remaining"] == "0")
      #expect(refused.member("fault", "code") == "exhausted")
      #expect(try await site.curl("/v1/x", token: "b").status == 200)
      // New tokens each time do not help: the address is counted too.
      var statuses: [Int] = []
      for turn in 0..<20 { statuses.append(try await site.curl("/v1/x", token: "c\(turn)").status) }
      #expect(statuses.contains(429))
      #expect(try await site.curl("/v1/x", token: "d", "--interface", "127.0.0.9").status == 200)
    }
  }

  @Test("changes all its certificates under load with no request lost") func rotates() async throws {
    try await GatewaySite.with { site in
      func serial() async throws -> String {
        let result = try await Command("openssl", ["s_client", "-connect", "127.0.0.1:\(site.port)"]).run(input: [10])
        return result.standardOutput.split(separator: "\n").first { $0.contains("subject=") }.map(String.init) ?? ""
      }
      #expect(try await serial().hasSuffix("CN = public"))
      let paths = ["/v1/x", "/agents/acme/bot/x"]
      let load = Load()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for path in paths {
          group.addTask {
            while !Task.isCancelled {
              guard let answer = try? await site.curl(path) else { break }
              if !Task.isCancelled { await load.append(answer.status, of: path) }
              // Both together stay below the limit of a token, however fast the machine is.
              try? await Task.sleep(for: .milliseconds(100))  // cancelled: the loop ends
            }
          }
        }
        // Neither side is waited for by time: the certificates change until both paths had their load.
        var turn = 1
        var loaded = false
        while turn < 13 || (turn < 200 && !loaded) {
          turn += 1
          let even = turn.isMultiple(of: 2)
          let files = try site.files(even ? "public-2" : "public", even ? "gateway-2" : "gateway")
          _ = try await site.driver.apply(files, version: "\(turn)")
          #expect(try await serial().hasSuffix(even ? "CN = public-2" : "CN = public"))
          loaded = await load.reached(6, of: paths)
        }
        group.cancelAll()
      }
      for path in paths {
        let answered = await load.statuses[path, default: []]
        #expect(answered.count > 5)
        #expect(answered.allSatisfy { $0 == 200 }, "\(answered)")
      }
    }
  }

  @Test("keeps the certificate that it has when the next one is none") func badCertificate() async throws {
    try await GatewaySite.with { site in
      #expect(try await site.curl("/v1/x").status == 200)
      var files = try site.files("public-2", "gateway")
      files[0] =
        GatewayLayout.files(
          certificate: WorkloadCertificate(chain: "none", privateKey: "none"),
          identity: WorkloadCertificate(chain: "", privateKey: ""), trustBundle: "")[0]
      let fault = await #expect(throws: Fault.self) { try await site.driver.apply(files, version: "2") }
      #expect(fault?.code == .invalid)
      #expect(try await site.curl("/v1/x").status == 200)
      #expect(try await site.driver.readBack().isCurrent)
    }
  }

  @Test("sends plain HTTP on to HTTPS, and brings an authority's questions to the control plane") func plain()
    async throws
  {
    try await GatewaySite.with { site in
      let plain = "http://127.0.0.1:\(site.layout.plainPort ?? 0)"
      let moved = try await site.curl(plain + "/v1/x?a=b")
      #expect(moved.status == 308)
      #expect(moved.headers["location"] == "https://127.0.0.1:\(site.port)/v1/x?a=b")
      let challenge = try await site.curl(plain + "/.well-known/acme-challenge/token")
      #expect(challenge.member("role") == "api")
      #expect(challenge.member("path") == "/internal/acme-challenge/token")
      #expect(try await site.curl(plain + "/.well-known/acme-challenge/a", "-X", "POST").status == 308)
      #expect(try await site.curl(plain + "/.well-known/acme-challenge/../../v1/x").status == 308)
    }
  }

  @Test("logs who asked for what, and neither queries nor tokens") func logs() async throws {
    try await GatewaySite.with { site in
      _ = try await site.curl("/v1/x?key=canary", token: "canary-token")
      try await eventually { site.log.contains("/v1/x") }
      let line = try #require(site.log.split(separator: "\n").first)
      let fields = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(fields["client"] as? String == "127.0.0.1")
      #expect(fields["path"] as? String == "/v1/x")
      #expect(fields["code"] as? Int == 200)
      #expect(fields["tls"] as? String == "TLSv1.3")
      #expect(!site.log.contains("canary"))
      let dump = try await Command(
        "curl", ["-s", "--unix-socket", site.layout.adminSocket, "http://x/config_dump"]
      ).check()
      #expect(dump.contains("BEGIN CERTIFICATE") && !dump.contains("PRIVATE KEY"))
    }
  }
}

/// The answers of a load that runs beside a test.
private actor Load {
  private(set) var statuses: [String: [Int]] = [:]

  func append(_ status: Int, of path: String) { statuses[path, default: []].append(status) }
  func reached(_ count: Int, of paths: [String]) -> Bool {
    paths.allSatisfy { statuses[$0, default: []].count >= count }
  }
}
