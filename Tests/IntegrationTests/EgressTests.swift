import APIModel
import AgentModel
import ChildProcess
import Foundation
import Testing

@Suite("Egress", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(5)))
struct EgressTests {
  private static let key = "sk-canary-\(UInt64.random(in: .min ... .max))"

  private static func document(_ name: String, _ platform: TestPlatform, egress: String) -> String {
    """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata: {name: \(name)}
    spec:
      image: \(platform.image)
      command: [sh, -c, "trap 'exit 0' TERM; sleep 36000 & wait"]
      egress:
    \(egress)
    """
  }

  private static let egress = """
        - host: api.anthropic.com
          credential: {secret: anthropic, header: x-api-key}
          methods: [POST, GET]
          paths: [/v1/messages, /v1/stream]
        - host: models.example.com
        - host: private.example.com
        - host: metadata.example.com
    """

  private func with(_ body: (TestPlatform, InternetStub) async throws -> Void) async throws {
    try await InternetStub.with { internet in
      try await withPlatform(options: { _ in internet.options }) { platform in
        let image = String(platform.image.dropFirst("dir:".count))
        try await ProbeImage.addCurl(at: image)
        try FileManager.default.copyItem(atPath: internet.authority, toPath: "\(image)/etc/ca.crt")
        try await platform.run("secret", "set", "anthropic", input: "\(Self.key)\n").ok()
        try await create("bot", platform, egress: Self.egress)
        try await body(platform, internet)
      }
    }
  }

  private func create(_ name: String, _ platform: TestPlatform, egress: String) async throws {
    let file = "\(platform.directory)/\(name).yaml"
    try Self.document(name, platform, egress: egress).write(toFile: file, atomically: true, encoding: .utf8)
    try await platform.run("agent", "create", "-f", file, "--wait", timeout: .seconds(150)).ok()
  }

  /// The HTTP status that curl in the sandbox sees, 0 for none; and what it prints.
  private func curl(_ platform: TestPlatform, _ arguments: String...) async throws -> (status: Int, output: String) {
    let words = ["curl", "-s", "-i", "--cacert", "/etc/ca.crt", "--max-time", "15", "-w", "\n%{http_code}"]
    let outcome = try await platform.run(
      ["agent", "exec", "bot", "--"] + words + arguments, timeout: .seconds(40))
    let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
    return (lines.last.flatMap { Int($0) } ?? 0, lines.dropLast().joined(separator: "\n"))
  }

  private static let base = "http://api.anthropic.com.lobstack.internal"

  @Test("calls a model with a key that is nowhere in the sandbox, and that comes back in no answer") func credential()
    async throws
  {
    try await with { platform, internet in
      let env = try await platform.exec("bot", "env").ok().output
      #expect(env.contains("ANTHROPIC_BASE_URL=\(Self.base)\n") && !env.contains(Self.key))
      // What the agent sends in the key's place does not arrive.
      let answer = try await curl(
        platform, "-X", "POST", "-H", "x-api-key: mine", "-H", "authorization: Bearer mine", "-d", "{}",
        "\(Self.base)/v1/messages")
      #expect(answer.status == 200 && answer.output.contains("\"path\": \"/v1/messages\""), "\(answer)")
      #expect(!answer.output.contains(Self.key), "the key came back")
      let seen = try #require(try internet.requests().last)
      #expect(seen.headers["x-api-key"] == Self.key && seen.host == "api.anthropic.com" && seen.method == "POST")
      #expect(seen.headers["authorization"] == nil)
      // In no file and no process's memory that the agent can reach.
      let search = "grep -rls '\(Self.key)' /proc/[0-9]*/environ /proc/[0-9]*/cmdline /etc /tmp /workspace 2>/dev/null"
      let found = try await platform.run("agent", "exec", "bot", "--", "sh", "-c", "\(search); true")
      #expect(found.output == "" || !found.output.contains("/etc"), "\(found.output)")
      // A new value is in use with the next request, without a restart.
      try await platform.run("secret", "rotate", "anthropic", input: "sk-second").ok()
      #expect(try await curl(platform, "-X", "POST", "-d", "{}", "\(Self.base)/v1/messages").status == 200)
      #expect(try internet.requests().last?.headers["x-api-key"] == "sk-second")
      try await platform.run("secret", "delete", "anthropic").ok()
      #expect(try await curl(platform, "-X", "POST", "-d", "{}", "\(Self.base)/v1/messages").status == 403)
      #expect(try await platform.agent("bot").status.restarts == 0)
    }
  }

  @Test("streams an answer as it comes, and refuses methods, paths and forms that no rule allows") func rules()
    async throws
  {
    try await with { platform, internet in
      let started = ContinuousClock.now
      let stream = try await curl(platform, "-N", "\(Self.base)/v1/stream")
      #expect(
        stream.status == 200 && stream.output.split(whereSeparator: \.isNewline).count { $0.hasPrefix("data: ") } == 4)
      #expect(ContinuousClock.now - started > .seconds(1))
      let count = try internet.requests().count
      for arguments in [
        ["-X", "DELETE", "\(Self.base)/v1/messages"], ["\(Self.base)/v1/other"], ["\(Self.base)/"],
        ["--path-as-is", "\(Self.base)/v1/messages/../other"],
        ["--path-as-is", "\(Self.base)/v1/messages/%2e%2e/other"],
        ["--path-as-is", "\(Self.base)/v1%2fmessages"],
        ["-H", "Host: other.example.com.lobstack.internal", "\(Self.base)/v1/messages"],
        ["-H", "Host: 10.1.2.3", "\(Self.base)/v1/messages"], ["http://models.example.com/"],
        ["http://203.0.113.10/"], ["http://169.254.169.254/"], ["http://2130706433/"], ["http://0x7f.1/"],
        ["http://[::ffff:10.0.0.1]/"], ["-x", "\(Self.base)", "http://other.example.com/"],
        ["-p", "-x", "\(Self.base)", "https://other.example.com/"],
        ["--http2-prior-knowledge", "\(Self.base)/v1/other"],
      ] {
        let words = ["curl", "-s", "-o", "/dev/null", "--max-time", "4", "-w", "%{http_code}"] + arguments
        let outcome = try await platform.run(["agent", "exec", "bot", "--"] + words, timeout: .seconds(30))
        #expect(!outcome.output.hasPrefix("2"), "\(arguments): \(outcome.output)")
      }
      let more = try internet.requests().dropFirst(count)
      #expect(more.isEmpty, "\(more)")
    }
  }

  @Test("passes TLS through to listed names only, wherever the packets were sent, and never to a private address")
  func passThrough() async throws {
    try await with { platform, internet in
      #expect(try await curl(platform, "https://models.example.com/hello").status == 200)
      #expect(try internet.requests().last?.headers["x-api-key"] == nil)
      // The name decides, not the address.
      #expect(
        try await curl(platform, "--connect-to", "::198.18.0.1:443", "https://models.example.com/").status == 0,
        "a range that no policy may open")
      #expect(try await curl(platform, "--connect-to", "::9.9.9.9:443", "https://models.example.com/").status == 200)
      let count = try internet.requests().count
      for arguments in [
        ["https://other.example.com/"], ["https://203.0.113.10/"],
        ["--connect-to", "::203.0.113.10:443", "https://other.example.com/"], ["-k", "https://9.9.9.9/"],
        // Not through TLS that passes by the proxy's rules for it.
        ["--connect-to", "::203.0.113.10:443", "https://api.anthropic.com/v1/messages"],
        // What resolves to a private address.
        ["-k", "https://private.example.com/"], ["-k", "https://metadata.example.com/"],
        ["--connect-to", "::203.0.113.10:8443", "https://models.example.com/"],
      ] {
        let words = [
          "curl", "-s", "--cacert", "/etc/ca.crt", "-o", "/dev/null", "--max-time", "4", "-w", "%{http_code}",
        ]
        let outcome = try await platform.run(["agent", "exec", "bot", "--"] + words + arguments, timeout: .seconds(30))
        #expect(outcome.output == "000", "\(arguments): \(outcome.output)")
      }
      #expect(try internet.requests().count == count)
    }
  }

  @Test("changes while the agent runs, and a denial says what to add") func live() async throws {
    try await with { platform, _ in
      let sandbox = try await platform.sandboxProcess("bot")
      #expect(try await curl(platform, "https://other.example.com/").status == 0)
      try await eventually("the denial says what to add") {
        try await platform.run("denials").ok().output.contains("add to spec.egress: {host: other.example.com}")
      }
      func put(_ egress: String) async throws {
        let file = "\(platform.directory)/bot.yaml"
        try Self.document("bot", platform, egress: egress).write(toFile: file, atomically: true, encoding: .utf8)
        try await platform.run("agent", "apply", "-f", file, "--wait", timeout: .seconds(60)).ok()
      }
      try await put("\(Self.egress)\n    - host: other.example.com")
      try await eventually("the host is open") {
        try await curl(platform, "https://other.example.com/").status == 200
      }
      try await put(Self.egress)
      try await eventually("the host is closed again") {
        try await curl(platform, "https://other.example.com/").status == 0
      }
      // A machine that has not looked before the end gets more time.
      var (end, seen) = (UTCTime(Date()), 0)
      for seconds in [8, 30, 90] {
        end = UTCTime(Date(timeIntervalSinceNow: TimeInterval(seconds)))
        try await put("\(Self.egress)\n    - {host: other.example.com, expires: '\(end)'}")
        seen = try await curl(platform, "https://other.example.com/").status
        if Date() < end.date { break }
      }
      #expect(seen == 200)
      try await eventually("the host closes when its time is over", within: .seconds(120)) {
        try await curl(platform, "https://other.example.com/").status == 0
      }
      #expect(Date() >= end.date)
      try await eventually("the denial says that the time is over") {
        try await platform.run("denials").ok().output.contains("expired at \(end)")
      }
      #expect(try await platform.sandboxProcess("bot") == sandbox)
      let status = try await platform.agent("bot").status
      #expect(status.restarts == 0 && status.phase == .running)
      #expect(status.layers.filter { ["identity", "egress"].contains($0.layer) }.allSatisfy { $0.state == .enforced })
    }
  }

  @Test("of an unknown secret is refused when the agent is made") func unknownSecret() async throws {
    try await withPlatform { platform in
      let file = "\(platform.directory)/bad.yaml"
      try Self.document("bad", platform, egress: Self.egress).write(toFile: file, atomically: true, encoding: .utf8)
      let outcome = try await platform.run("agent", "create", "-f", file)
      #expect(outcome.code == 1 && outcome.error.contains("secret 'anthropic'"), "\(outcome)")
      #expect(outcome.error.contains("lobstack secret set anthropic"))
    }
  }
}
