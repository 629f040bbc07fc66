import AgentModel
import ChildProcess
import Faults
import Foundation

/// The public gateway: MTLS-1, and the one way to an agent that NET-1 leaves.
struct GatewayChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "MTLS-1", layer: "identity", title: "the gateway speaks TLS 1.3 only, with an ECDSA P-256 certificate",
        body: versions)
    ]
  }

  // MARK: NET-1

  /// Calls without the right to call, beside one that has it.
  func ways() async throws -> [Trial] {
    let target = try await fixtures.first.value
    let agent = try await fixtures.agents.value.name("a")
    let tokens = try await fixtures.tokens.value
    let door = try GatewayDoor(fixtures.site.platform)
    let attempts: [(String, String?, Int)] = [
      ("without a token", nil, 401), ("with a made-up token", "lob_\(randomText())", 401),
      ("with another tenant's token", tokens.other, 404),
    ]
    var trials: [Trial] = []
    for (how, token, expected) in attempts {
      trials.append(
        try await Trial.run("call the agent through the gateway \(how)") {
          try await page(door, agent, tokens.own, target: target, expected: nil)
        } withControl: {
          try await page(door, agent, token, target: target, expected: expected)
        })
    }
    return trials
  }

  private func page(
    _ door: GatewayDoor, _ agent: AgentID, _ token: String?, target: Target, expected: Int?
  ) async throws -> AttackOutcome {
    let answer = try await door.page(of: agent, token: token)
    if answer.text.contains(target.canary) { return .succeeded("the agent's page came back") }
    guard let status = answer.status else { return .unknown("no answer: \(answer.reason)") }
    guard status == expected else { return .unknown("the gateway answered \(status)") }
    return .prevented("the gateway answered \(status)")
  }

  // MARK: MTLS-1

  private func versions() async throws -> Finding {
    let door = try GatewayDoor(fixtures.site.platform)
    let lax = try await LaxServer.start(site: fixtures.site)
    var trials: [Trial] = []
    for (name, option) in [("1.2", "-tls1_2"), ("1.1", "-tls1_1")] {
      trials.append(
        try await Trial.run("speak TLS \(name)") {
          try await handshake(lax.client, option, of: "a server that does not care")
        } withControl: {
          try await handshake(door.client(), option, of: "the gateway")
        })
    }
    trials.append(
      try await Trial.run("speak plain HTTP") {
        let listener = try await HostListener.start(interface: "lo")
        defer { listener.stop() }
        return try await speakPlainly(to: "127.0.0.1", listener.port)
      } withControl: {
        try await speakPlainly(to: door.host, door.port)
      })
    var finding = Finding(trials)
    guard finding.verdict == .proven else { return finding }
    let details = try await openSSL(
      ["s_client", "-connect", "\(door.host):\(door.port)", "-tls1_3", "-CAfile", fixtures.site.platform.trustBundle],
      timeout: .seconds(6))
    let text = try await openSSL(["x509", "-noout", "-text"], input: details.standardOutput).standardOutput
    guard text.contains("NIST CURVE: P-256"), text.contains("ecdsa-with-SHA256"),
      details.standardOutput.contains("Verify return code: 0 (ok)"), details.standardOutput.contains("TLSv1.3")
    else {
      return Finding(
        .failed, evidence: ["by TLS 1.3 the certificate is no P-256 one that the platform's root vouches for"])
    }
    finding.evidence.append("by TLS 1.3 it shows an ECDSA P-256 certificate that the platform's root vouches for")
    return finding
  }

  private func handshake(_ client: TLSClient, _ option: String, of server: String) async throws -> AttackOutcome {
    var client = client
    // The old versions are below what OpenSSL itself allows today.
    client.options += [option, "-cipher", "ALL:@SECLEVEL=0"]
    let answer = try await client.exchange(TLSClient.get("/", host: "localhost"))
    if !answer.text.isEmpty { return .succeeded("\(server) answered over it") }
    guard answer.remarks.contains("alert") || answer.remarks.contains("error:") else {
      return .unknown("\(server) said nothing: \(answer.remarks.prefix(120))")
    }
    return .prevented("\(server) refused the handshake: \(answer.reason)")
  }
}

/// A TLS server of OpenSSL's that takes every version, with a certificate of its own.
private struct LaxServer: Sendable {
  let client: TLSClient

  /// It ends by itself after two connections, or in half a minute.
  static func start(site: ProbeSite) async throws -> LaxServer {
    let (certificate, key) = ("\(site.directory)/lax.pem", "\(site.directory)/lax.key")
    let made = try await openSSL([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
      certificate, "-days", "1", "-subj", "/CN=localhost",
    ])
    guard made.status == .exited(0) else { throw NotTestable("openssl makes no certificate: \(made.standardError)") }
    let port = try freePort()
    let script =
      "timeout 30 openssl s_server -accept 127.0.0.1:\(port) -cert \(certificate) -key \(key) -cipher ALL:@SECLEVEL=0 "
      + "-www -naccept 2 >/dev/null 2>&1 & echo $!"
    let output = try await Command("sh", ["-c", script]).check()
    if let process = Int32(output.trimmingCharacters(in: .whitespacesAndNewlines)).flatMap({ HostProcess($0) }) {
      try await site.ledger.record(.process(pid: process.pid, startTime: process.startTime))
    }
    for _ in 0..<40 {
      let probe = try await Command("bash", ["-c", "grep -q ':\(hexadecimal(port)) 00000000:0000 0A' /proc/net/tcp"])
        .run()
      if probe.status == .exited(0) { break }
      try await Task.sleep(for: .milliseconds(50))
    }
    return LaxServer(client: TLSClient(place: .port(host: "127.0.0.1", port), roots: certificate))
  }

  private static func hexadecimal(_ port: UInt16) -> String {
    let digits = String(port, radix: 16, uppercase: true)
    return String(repeating: "0", count: 4 - digits.count) + digits
  }
}
