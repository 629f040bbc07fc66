import Admission
import AgentModel
import ChildProcess
import Foundation
import Logging
import Testing

@testable import AdmissionWebhook

/// The webhook on a real socket, called by curl as the API server would.
@Suite("The admission webhook", .timeLimit(.minutes(1))) struct WebhookTests {
  private struct Site: Sendable {
    let directory: String
    let port: Int
    var probes = 0

    func curl(_ path: String, _ arguments: String..., body: String? = nil) async throws -> (status: Int, text: String) {
      let base = ["-s", "--max-time", "20", "--cacert", "\(directory)/cert.pem", "-w", "\n%{http_code}"]
      if let body { try body.write(toFile: "\(directory)/body", atomically: true, encoding: .utf8) }
      let sent = body == nil ? [] : ["--data-binary", "@\(directory)/body", "-H", "Content-Type: application/json"]
      let result = try await Command("curl", base + arguments + sent + ["https://localhost:\(port)\(path)"]).run(
        timeout: .seconds(30))
      let lines = result.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
      return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
    }

    func review(_ labels: String, query: String = "") async throws -> [String: Any] {
      let body = """
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u-1", "operation": "CREATE",
         "kind": {"group": "", "version": "v1", "kind": "Pod"}, "namespace": "shop", "name": "web",
         "userInfo": {"username": "eve"},
         "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": \(labels)}}}}
        """
      let answer = try await curl(WebhookService.path + query, body: body)
      #expect(answer.status == 200, "\(answer)")
      let object = try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any]
      #expect(object?["kind"] as? String == "AdmissionReview")
      let response = try #require(object?["response"] as? [String: Any])
      #expect(response["uid"] as? String == "u-1")
      return response
    }

    func write(_ rules: String, action: String = "deny") throws {
      let text = """
        apiVersion: templates.gatekeeper.sh/v1
        kind: ConstraintTemplate
        metadata: {name: words}
        spec:
          crd: {spec: {names: {kind: Words}}}
          targets:
            - target: admission.k8s.gatekeeper.sh
              rego: |
                package words
                \(rules)
        ---
        apiVersion: constraints.gatekeeper.sh/v1beta1
        kind: Words
        metadata: {name: no-word}
        spec: {enforcementAction: \(action)}
        """
      try text.write(toFile: "\(directory)/policies/p.yaml", atomically: true, encoding: .utf8)
    }
  }

  private static let rule = #"violation[{"msg": "bad word"}] { input.review.object.metadata.labels.word == "bad" }"#

  private static func certify(_ directory: String, _ name: String, _ extra: String...) async throws {
    try await Command(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "\(directory)/\(name)-key.pem", "-out",
        "\(directory)/\(name).pem",
      ] + extra
    ).check(timeout: .seconds(20))
  }

  private static func with(
    clients: Bool = false, timeout: Duration = .seconds(2), _ body: @escaping @Sendable (Site) async throws -> Void
  ) async throws {
    let directory = NSTemporaryDirectory() + "lobstack-webhook-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: "\(directory)/policies", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try await certify(directory, "cert")
    if clients { try await certify(directory, "client") }
    try Site(directory: directory, port: 0).write(rule)
    let service = try WebhookService(
      WebhookSettings(
        address: ListenAddress(host: "127.0.0.1", port: 0),
        probes: clients ? ListenAddress(host: "127.0.0.1", port: 0) : nil,
        certificate: "\(directory)/cert.pem", key: "\(directory)/cert-key.pem",
        clientAuthorities: clients ? "\(directory)/client.pem" : nil, policyDirectory: "\(directory)/policies",
        timeout: timeout), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let (ports, told) = AsyncStream.makeStream(of: Int.self)
    let (probes, probing) = AsyncStream.makeStream(of: Int.self)
    if !clients { probing.yield(0) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await service.run {
          told.yield($0)
        } probing: {
          probing.yield($0)
        }
      }
      var (port, probe) = (ports.makeAsyncIterator(), probes.makeAsyncIterator())
      if let port = await port.next(), let probe = await probe.next() {
        try await body(Site(directory: directory, port: port, probes: probe))
      }
      group.cancelAll()
    }
  }

  @Test("says yes, no, and warns, as Gatekeeper does") func decides() async throws {
    try await Self.with { site async throws in
      let denied = try await site.review(#"{"word": "bad"}"#)
      let status = denied["status"] as? [String: Any]
      #expect(denied["allowed"] as? Bool == false && status?["code"] as? Int == 403)
      #expect(status?["message"] as? String == "[no-word] bad word" && status?["reason"] as? String == "Forbidden")
      let allowed = try await site.review("{}")
      #expect(allowed["allowed"] as? Bool == true && allowed["warnings"] == nil)
      try site.write(Self.rule, action: "warn")
      while try await site.review(#"{"word": "bad"}"#)["warnings"] as? [String] != ["[no-word] bad word"] {
        try await Task.sleep(for: .milliseconds(200))
      }
      #expect(try await site.curl("/healthz").text.hasPrefix("ok"))
      let metrics = try await site.curl("/metrics").text
      #expect(metrics.contains(#"requests_total{outcome="denied"}"#) && metrics.contains("duration_seconds_count"))
    }
  }

  @Test("refuses everything while policies are broken, and says so") func broken() async throws {
    try await Self.with { site async throws in
      try "a: [".write(toFile: "\(site.directory)/policies/x.yaml", atomically: true, encoding: .utf8)
      while try await site.curl("/readyz").status != 503 { try await Task.sleep(for: .milliseconds(200)) }
      let refused = try await site.review("{}")
      let status = refused["status"] as? [String: Any]
      #expect(refused["allowed"] as? Bool == false && status?["code"] as? Int == 500)
      #expect((status?["message"] as? String)?.contains("x.yaml") == true)
      #expect(try await site.curl("/healthz").status == 200)
      try FileManager.default.removeItem(atPath: "\(site.directory)/policies/x.yaml")
      while try await site.curl("/readyz").status != 200 { try await Task.sleep(for: .milliseconds(200)) }
      #expect(try await site.review("{}")["allowed"] as? Bool == true)
    }
  }

  @Test("answers in the time that it has, with a refusal, when a policy never ends") func slow() async throws {
    try await Self.with(timeout: .seconds(10)) { site async throws in
      try site.write(#"violation[{"msg": "x"}] { n := numbers.range(1, 3000); n[a] + n[b] + n[c] < 0 }"#)
      while try await site.review("{}", query: "?timeout=1s")["allowed"] as? Bool == true {
        try await Task.sleep(for: .milliseconds(200))
      }
      let start = ContinuousClock.now
      let refused = try await site.review("{}", query: "?timeout=1s")
      // Not the ten seconds that the webhook itself would take.
      #expect(.now - start < .seconds(8))
      #expect(refused["allowed"] as? Bool == false)
      #expect((refused["status"] as? [String: Any])?["code"] as? Int == 500)
    }
  }

  @Test("speaks TLS 1.3 alone, serves a certificate that changed, and may ask for one") func tls() async throws {
    try await Self.with { site async throws in
      #expect(try await site.curl("/healthz", "--tls-max", "1.2").status == 0)
      try await Self.certify(site.directory, "cert")
      // The old one is not trusted any more.
      while try await site.curl("/healthz").status != 200 { try await Task.sleep(for: .milliseconds(100)) }
      try "none".write(toFile: "\(site.directory)/cert-key.pem", atomically: true, encoding: .utf8)
      try await Task.sleep(for: .seconds(3))
      #expect(try await site.curl("/healthz").status == 200)
    }
    try await Self.with(clients: true) { site async throws in
      #expect(try await site.curl("/healthz").status == 0)
      for path in ["healthz", "readyz", "metrics", "v1/admit"] {
        let url = "http://127.0.0.1:\(site.probes)/\(path)"
        let status = try await Command("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", url]).check(
          timeout: .seconds(20))
        #expect(status == (path == "v1/admit" ? "404" : "200"), "\(path)")
      }
      let files = ["--cert", "\(site.directory)/client.pem", "--key", "\(site.directory)/client-key.pem"]
      #expect(try await site.curl("/healthz", files[0], files[1], files[2], files[3]).status == 200)
    }
  }

  @Test("refuses what is no AdmissionReview", arguments: ["", "{}", "[", #"{"request": {"operation": "DELETE"}}"#])
  func invalid(body: String) async throws {
    try await Self.with { site async throws in
      #expect(try await site.curl(WebhookService.path, body: body).status == 400)
      #expect(try await site.review("{}")["allowed"] as? Bool == true)
    }
  }
}
