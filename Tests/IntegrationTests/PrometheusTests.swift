import APIModel
import AgentModel
import ChildProcess
import Foundation
import Testing

private let hasPrometheus = FileManager.default.isExecutableFile(atPath: "/usr/bin/prometheus")

/// Debian's Prometheus with the configuration that is shipped, against a platform of the test's own.
@Suite(
  "A Prometheus", .enabled(if: rootTests), .enabled(if: hasPrometheus, "run scripts/setup"), .timeLimit(.minutes(6)))
struct PrometheusTests {
  @Test("scrapes the platform through its gateway with a token, and sees what happens there") func scrape() async throws
  {
    try await withPlatform(options: { _ in ["--log-format", "json"] }) { platform in
      try await Prometheus.with(platform) { prometheus in
        try await eventually("the platform is scraped") { try await prometheus.value(#"up{job="lobstack"}"#) == 1 }
        for component in ["admission", "audit", "gateway", "node", "proxy", "store", "vault"] {
          let query = #"lobstack_component_ready{component="\#(component)"}"#
          try await eventually(query) { try await prometheus.value(query) == 1 }
        }
        // A scrape that a busy machine was too slow for takes all series away until the next.
        for query in ["lobstack_secrets_manager_sealed", #"lobstack_agents{phase="Running"}"#] {
          try await eventually("\(query) is 0") { try await prometheus.value(query) == 0 }
        }
        for certificate in ["gateway", "intermediate", "root"] {
          let query = #"lobstack_certificate_expiry_timestamp_seconds{certificate="\#(certificate)"} - time()"#
          try await eventually("the certificate of \(certificate) is good for a month") {
            try await prometheus.value(query) ?? 0 > 30 * 86_400
          }
        }
        var records = 0.0
        try await eventually("it sees the audit log") {
          records = try await prometheus.value("lobstack_audit_records") ?? 0
          return records > 0
        }

        try await platform.create("bot")
        let viewer: CreatedToken = try await platform.run(
          "token", "create", "see", "--role", "viewer", "--tenant", "default", "-o", "json"
        ).ok().json()
        let refused = try await Command(
          "curl",
          [
            "-s", "-i", "--cacert", platform.layout.trustBundle, "-H", "authorization: Bearer \(viewer.secret)", "-X",
            "DELETE", "https://localhost:\(platform.port)/v1/tenants/default/agents/bot",
          ]
        ).check()
        #expect(refused.hasPrefix("HTTP/2 403"), "\(refused)")
        try await eventually("it sees the agent and all its layers") {
          let running = try await prometheus.value(#"lobstack_agents{phase="Running"}"#)
          let enforced = try await prometheus.value(#"count(lobstack_agent_layers{state="enforced"} == 1)"#)
          return running == 1 && (enforced ?? 0) >= 6
        }
        let denied =
          #"lobstack_http_requests_total{method="DELETE",route="/v1/tenants/{tenant}/agents/{name}",code="403"}"#
        try await eventually("it sees the refusal") { try await prometheus.value(denied) == 1 }
        try await eventually("it sees that no layer failed") {
          try await prometheus.value(#"sum(lobstack_agent_layers{state="failed"})"#) == 0
        }
        try await eventually("it sees the new records") {
          try await prometheus.value("lobstack_audit_records") ?? 0 > records
        }
        try await eventually("the gateway is asked again what it counted") {
          try await prometheus.value(#"lobstack_gateway_responses_total{code_class="4xx"}"#) ?? 0 >= 1
        }
        try await eventually("nobody was refused for the rate") {
          try await prometheus.value("lobstack_gateway_rate_limited_requests_total") == 0
        }
        try await eventually("nothing is the matter") {
          try await prometheus.value(#"ALERTS{alertname!="LobstackVerificationOld"}"#) == nil
        }

        try await isOneRequest(refused, in: platform)
        // A token that is bound to a tenant does not see the others'; without one the gateway answers.
        for (header, status) in [("authorization: Bearer \(viewer.secret)", "403"), ("x-nothing: here", "401")] {
          let answer = try await Command(
            "curl",
            [
              "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", platform.layout.trustBundle, "-H", header,
              "https://localhost:\(platform.port)/metrics",
            ]
          ).check()
          #expect(answer == status)
        }
      }
    }
  }

  /// The request's id stands in the answer, in the gateway's log and in the audit record; every line of the control
  /// plane's log is an object.
  private func isOneRequest(_ answer: String, in platform: TestPlatform) async throws {
    let id = try #require(answer.firstMatch(of: /x-request-id: (\S+)/)?.1)
    try await eventually("the gateway has written its log") {
      try String(contentsOfFile: platform.layout.gatewayLog, encoding: .utf8).contains(#""requestID":"\#(id)""#)
    }
    struct Record: Decodable {
      var action: String
      var outcome: String
      var details: [String: String]
    }
    let records: [Record] = try await platform.run("audit", "list", "-o", "json").ok().json()
    let record = records.first { $0.details["request"] == String(id) }
    #expect(record?.action == "access" && record?.outcome == "denied", "\(String(describing: record))")
    let log = try String(contentsOfFile: "\(platform.layout.logDirectory)/control-plane.log", encoding: .utf8)
    let lines = log.split(separator: "\n")
    #expect(!lines.isEmpty)
    for line in lines {
      let fields = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String], "\(line)")
      #expect(fields["time"] != nil && fields["level"] != nil && fields["message"] != nil, "\(line)")
    }
  }
}

/// Debian's Prometheus on loopback, with a data directory of its own.
private struct Prometheus: Sendable {
  let port: UInt16
  private let process = TestProcess()

  /// Runs `body` with a Prometheus that scrapes the platform and is gone afterwards.
  static func with(_ platform: TestPlatform, _ body: (Prometheus) async throws -> Void) async throws {
    let prometheus = Prometheus(port: try FreePort.choose())
    let directory = "\(platform.directory)/prometheus"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    try await configure(platform, in: directory)
    try await Command("promtool", ["check", "config", "\(directory)/prometheus.yaml"]).check()
    await prometheus.process.start(
      Command(
        "prometheus",
        [
          "--config.file=\(directory)/prometheus.yaml", "--storage.tsdb.path=\(directory)/data",
          "--web.listen-address=127.0.0.1:\(prometheus.port)",
        ]), log: "\(directory)/prometheus.log")
    do { try await body(prometheus) } catch {
      await prometheus.process.stop()
      // For whoever reads why.
      print((try? String(contentsOfFile: "\(directory)/prometheus.log", encoding: .utf8))?.suffix(2_000) ?? "")
      throw error
    }
    await prometheus.process.stop()
  }

  /// The shipped files, and what the how-to tells to put beside them.
  private static func configure(_ platform: TestPlatform, in directory: String) async throws {
    let shipped = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../deploy/prometheus")
      .standardizedFileURL.path
    try FileManager.default.copyItem(
      atPath: "\(shipped)/lobstack.rules.yaml", toPath: "\(directory)/lobstack.rules.yaml")
    let configuration = try String(contentsOfFile: "\(shipped)/prometheus.yaml", encoding: .utf8)
      .replacing("localhost:8443", with: "localhost:\(platform.port)").replacing("15s", with: "1s")
    try configuration.write(toFile: "\(directory)/prometheus.yaml", atomically: true, encoding: .utf8)
    let token: CreatedToken = try await platform.run(
      "token", "create", "scraper", "--role", "viewer", "--all-tenants", "-o", "json"
    ).ok().json()
    try token.secret.write(toFile: "\(directory)/lobstack.token", atomically: true, encoding: .utf8)
    try await platform.run("ca").ok().output
      .write(toFile: "\(directory)/lobstack.crt", atomically: true, encoding: .utf8)
  }

  /// What a query gives that has one series; `nil` without any.
  func value(_ query: String) async throws -> Double? {
    struct Answer: Decodable {
      struct Content: Decodable { var result: [Series] }
      struct Series: Decodable {
        var value: Sample

        struct Sample: Decodable {
          var number: Double

          init(from decoder: any Decoder) throws {
            var fields = try decoder.unkeyedContainer()
            _ = try fields.decode(Double.self)
            number = Double(try fields.decode(String.self)) ?? .nan
          }
        }
      }
      var data: Content
    }
    let result = try await Command(
      "curl", ["-s", "-G", "http://127.0.0.1:\(port)/api/v1/query", "--data-urlencode", "query=\(query)"]
    ).run()
    // It is not up yet.
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(result.standardOutput.utf8)) else {
      return nil
    }
    return answer.data.result.first?.value.number
  }
}
