import APIModel
import AgentModel
import ChildProcess
import Foundation
import Testing

@Suite("The gateway", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(4)))
struct GatewayTests {
  /// Answers every request alike, and keeps what it was asked.
  private static let server = [
    "sh", "-c",
    "while :; do printf 'HTTP/1.1 200 OK\\r\\ncontent-length: 6\\r\\nset-cookie: a=b\\r\\nconnection: close\\r\\n\\r\\nhello\\n'"
      + " | nc -l -p 8080 > /workspace/last; mv /workspace/last /workspace/request; done",
  ]

  private func curl(_ platform: TestPlatform, _ path: String, _ arguments: String...) async throws -> (
    status: Int, output: String
  ) {
    let base = ["-s", "-i", "--max-time", "15", "--cacert", platform.layout.trustBundle, "-w", "\n%{http_code}"]
    let result = try await Command("curl", base + arguments + ["https://127.0.0.1:\(platform.port)\(path)"]).run(
      timeout: .seconds(30))
    let lines = result.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
    return (lines.last.flatMap { Int($0) } ?? 0, result.standardOutput)
  }

  private func token(_ platform: TestPlatform, _ name: String, _ role: String, tenant: String = "default")
    async throws -> String
  {
    let arguments = ["token", "create", name, "--role", role] + (role == "admin" ? [] : ["--tenant", tenant])
    let created: CreatedToken = try await platform.run(arguments + ["-o", "json"]).ok().json()
    return "authorization: Bearer \(created.secret)"
  }

  @Test("serves the API over TLS 1.3 with a P-256 certificate, and nothing older or plainer") func tls() async throws {
    try await withPlatform { platform in
      #expect(try await curl(platform, "/readyz", "--tlsv1.3").status == 200)
      let old = try await curl(platform, "/readyz", "--tls-max", "1.2")
      #expect(old.status == 0)
      let plain = try await Command(
        "curl", ["-s", "-w", "%{http_code}", "--max-time", "5", "http://127.0.0.1:\(platform.port)/readyz"]
      ).run()
      #expect(plain.standardOutput == "000")
      let shown = try await Command(
        "openssl", ["s_client", "-connect", "127.0.0.1:\(platform.port)", "-CAfile", platform.layout.trustBundle]
      ).run()
      #expect(shown.standardOutput.contains("Verify return code: 0 (ok)"))
      #expect(shown.standardOutput.contains("Peer signature type: ECDSA") && shown.standardOutput.contains("TLSv1.3"))
      let answer = try await curl(platform, "/nothing")
      #expect(answer.status == 404 && answer.output.lowercased().contains("strict-transport-security:"))
      #expect(!answer.output.lowercased().contains("server:") && !answer.output.lowercased().contains("envoy"))

      let admin = try await token(platform, "ops", "admin")
      #expect(try await curl(platform, "/v1/agents", "-H", admin).status == 200)
      #expect(try await curl(platform, "/v1/agents").status == 401)
      #expect(try await curl(platform, "/internal/authorize/agents/default/x/", "-H", admin).status == 404)
      let secret = String(admin.split(separator: " ")[2])
      let listed = try await platform.run(
        "agent", "list", "--address", "https://127.0.0.1:\(platform.port)", "--token", secret)
      #expect(listed.code == 0, "\(listed)")
      let bundle = try await platform.run("ca").ok().output
      #expect(bundle == (try String(contentsOfFile: platform.layout.trustBundle, encoding: .utf8)))
    }
  }

  @Test("lets to an agent who may call it, without their token, and nobody else") func ingress() async throws {
    try await withPlatform { platform in
      let file = "\(platform.directory)/web.yaml"
      let command = String(decoding: try JSONEncoder().encode(Self.server), as: UTF8.self)
      try """
      apiVersion: lobstack.dev/v1
      kind: Agent
      metadata: {name: web}
      spec: {image: "\(platform.image)", ports: {http: 8080}, command: \(command)}
      """.write(toFile: file, atomically: true, encoding: .utf8)
      try await platform.run("agent", "create", "-f", file, "--wait", timeout: .seconds(150)).ok()
      let own = try await token(platform, "own", "operator")
      try await eventually("the agent answers") {
        try await curl(platform, "/agents/default/web/hello?x=1", "-H", own).status == 200
      }
      // The stand-in for a server takes one request at a time, and a moment between two.
      var answer = (status: 0, output: "")
      for _ in 0..<20 where answer.status != 200 {
        try await Task.sleep(for: .milliseconds(300))
        answer = try await curl(platform, "/agents/default/web/hello?x=1", "-H", own, "-H", "x-mine: yes")
      }
      #expect(answer.status == 200 && answer.output.contains("hello"))
      #expect(!answer.output.lowercased().contains("set-cookie"))
      try await eventually("the agent has told what it was asked") {
        try await platform.exec("web", "cat", "/workspace/request").output.contains("x-mine: yes")
      }
      let request = try await platform.exec("web", "cat", "/workspace/request").ok().output.lowercased()
      #expect(request.hasPrefix("get /hello?x=1 "), "\(request)")
      #expect(!request.contains("authorization") && !request.contains("lob_"), "\(request)")
      #expect(try await curl(platform, "/agents/default/web/").status == 401)
      #expect(try await curl(platform, "/agents/default/web/", "-H", "authorization: Bearer lob_x").status == 401)
      let viewer = try await token(platform, "see", "viewer")
      #expect(try await curl(platform, "/agents/default/web/", "-H", viewer).status == 403)
      let other = try await token(platform, "other", "operator", tenant: "acme")
      #expect(try await curl(platform, "/agents/default/web/", "-H", other).status == 404)
      #expect(try await curl(platform, "/agents/default/none/", "-H", own).status == 404)
      // Past the gateway there is no way.
      let agent = try await platform.agent("web")
      let address = try #require(agent.status.address)
      let direct = try await Command(
        "curl", ["-s", "-w", "%{http_code}", "--max-time", "3", "http://\(address):8080/"]
      ).run()
      #expect(direct.standardOutput == "000")
    }
  }

  @Test("refuses calls of agents while nobody can authorise them, and goes on by itself") func closed() async throws {
    try await withPlatform { platform in
      let own = try await token(platform, "own", "operator")
      let controlPlane = try platform.processID(of: "control-plane")
      #expect(kill(controlPlane, SIGSTOP) == 0)
      let answer = try await curl(platform, "/agents/default/web/", "-H", own)
      #expect(kill(controlPlane, SIGCONT) == 0)
      #expect([503, 504].contains(answer.status), "\(answer)")
      try await eventually("the gateway goes on") { try await curl(platform, "/readyz").status == 200 }
      #expect(try await curl(platform, "/agents/default/web/", "-H", own).status == 404)
    }
  }
}
