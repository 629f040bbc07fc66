import APIClient
import APIModel
import AgentModel
import CertificateAuthority
import ChildProcess
import Faults
import Foundation
import NodeProtocol
import Testing

@testable import ControlPlane

/// The API's listener for other processes, seen from outside by curl and openssl.
@Suite("The API over mutual TLS", .timeLimit(.minutes(2))) struct MeshTests {
  /// What one caller shows.
  struct Caller {
    var certificate: String
    var key: String
  }

  /// An authority under the same root as the platform's, and callers with what it issues.
  struct Issuer {
    let authority: Authority
    let directory: String

    init(root directory: String, in place: String, at time: Date = .now) throws {
      let root = try RootAuthority.open(in: directory, for: .default, at: .now)
      authority = Authority(trustDomain: .default, at: time)
      try authority.trust(root.anchor, at: time)
      let pending = PendingIntermediate()
      try authority.adopt(
        pending, certificate: try root.signIntermediate(try pending.certificateRequest(), at: time), at: time)
      self.directory = place
    }

    func caller(_ id: SPIFFEID, at time: Date = .now, life: Duration? = nil) throws -> Caller {
      let key = IdentityKey()
      let svid = try authority.issueX509SVID(for: id, key: key.publicKey, at: time, life: life)
      let caller = Caller(
        certificate: "\(directory)/\(UUID().uuidString).crt", key: "\(directory)/\(UUID().uuidString).key")
      try Data(svid.certificate.chain.pem.utf8).write(to: URL(filePath: caller.certificate))
      try Data(key.secretPEM.utf8).write(to: URL(filePath: caller.key))
      return caller
    }
  }

  private func with(_ body: @escaping @Sendable (LiveTests.Live, Issuer) async throws -> Void) async throws {
    try await LiveTests.with { live in
      let place = "\(live.layout.controlPlaneDirectory)/callers"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      try await body(live, try Issuer(root: "\(live.layout.controlPlaneDirectory)/ca", in: place))
    }
  }

  /// - Returns: the HTTP status, or `nil` when there was no answer at all; and the body.
  private func call(
    _ live: LiveTests.Live, _ path: String, as caller: Caller?, _ more: [String] = [], scheme: String = "https"
  ) async throws -> (status: Int?, body: String) {
    var arguments = [
      "--silent", "--insecure", "--max-time", "10", "--unix-socket", live.layout.meshSocket, "--write-out",
      "\n%{http_code}",
    ]
    if let caller { arguments += ["--cert", caller.certificate, "--key", caller.key] }
    let result = try await Command("curl", arguments + more + ["\(scheme)://control-plane\(path)"]).run(
      timeout: .seconds(20))
    let lines = result.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
    let status = lines.last.flatMap { Int($0) } ?? 0
    return (status == 0 ? nil : status, lines.dropLast().joined(separator: "\n"))
  }

  private static let gateway = SPIFFEID.service(.gateway, in: .default)
  private static var bot: SPIFFEID {
    get throws { SPIFFEID.agent(try #require(AgentID("default/bot")), in: .default) }
  }

  @Test("answers the gateway, which shows a person's token") func gateway() async throws {
    try await with { live, issuer in
      let gateway = try issuer.caller(Self.gateway)
      let token = ["--header", "Authorization: Bearer \(live.secret)"]
      #expect(try await call(live, "/v1/status", as: gateway, token).status == 200)
      #expect(try await call(live, "/v1/status", as: gateway).status == 401)
      #expect(try await call(live, "/v1/trust-bundle", as: gateway).body.contains("BEGIN CERTIFICATE"))
    }
  }

  @Test("tells an agent who it is, and nothing else, whatever token it shows") func agent() async throws {
    try await with { live, issuer in
      let agent = try issuer.caller(try Self.bot)
      let (status, body) = try await call(live, "/v1/identity", as: agent)
      #expect(status == 200)
      let identity = try APIJSON.decode(IdentityResource.self, from: Array(body.utf8))
      #expect(identity.spiffeID == (try Self.bot) && identity.name == "agent:default/bot" && identity.role == nil)
      let token = ["--header", "Authorization: Bearer \(live.secret)"]
      for path in ["/v1/agents", "/v1/secrets", "/v1/tokens", "/v1/status", "/v1/audit", "/v1/denials"] {
        #expect(try await call(live, path, as: agent, token).status == 403, "\(path)")
      }
      #expect(try await call(live, "/internal/authorize/agents/default/bot/", as: agent, token).status == 403)
    }
  }

  @Test("refuses plaintext, no certificate, TLS 1.2, foreign, expired, future and other trust domains' certificates")
  func refused() async throws {
    try await with { live, issuer in
      let good = try issuer.caller(Self.gateway)
      #expect(try await call(live, "/readyz", as: good).status != nil)
      #expect(try await call(live, "/readyz", as: nil).status == nil)
      #expect(try await call(live, "/readyz", as: nil, scheme: "http").status == nil)
      #expect(try await call(live, "/readyz", as: good, ["--tls-max", "1.2"]).status == nil)
      let foreign = "\(issuer.directory)/foreign"
      try FileManager.default.createDirectory(atPath: foreign, withIntermediateDirectories: true)
      let other = try Issuer(root: foreign, in: foreign)
      #expect(try await call(live, "/readyz", as: try other.caller(Self.gateway)).status == nil)
      let expired = try issuer.caller(Self.gateway, at: .now.addingTimeInterval(-50), life: .seconds(1))
      let future = try issuer.caller(Self.gateway, at: .now.addingTimeInterval(3 * 86400))
      #expect(try await call(live, "/readyz", as: expired).status == nil)
      #expect(try await call(live, "/readyz", as: future).status == nil)
    }
  }

  @Test("does not break when the other end speaks nonsense") func nonsense() async throws {
    try await with { live, issuer in
      for _ in 0..<20 {
        let bytes = (0..<Int.random(in: 1...600)).map { _ in UInt8.random(in: .min ... .max) }
        let script = """
          import socket, sys
          peer = socket.socket(socket.AF_UNIX); peer.settimeout(2); peer.connect(sys.argv[1])
          peer.sendall(sys.stdin.buffer.read()); peer.shutdown(socket.SHUT_WR)
          try: peer.recv(4096)
          except OSError: pass
          """
        try await Command("python3", ["-c", script, live.layout.meshSocket]).check(input: bytes, timeout: .seconds(5))
      }
      #expect(try await call(live, "/readyz", as: try issuer.caller(Self.gateway)).status != nil)
    }
  }

  @Test("authorises calls of agents for the gateway: by token, role, tenant and the agent's state")
  func authorises() async throws {
    try await with { live, issuer in
      let gateway = try issuer.caller(Self.gateway)
      func ask(_ path: String, _ token: String?) async throws -> Int? {
        try await call(
          live, "/internal/authorize\(path)", as: gateway,
          token.map { ["--header", "Authorization: Bearer \($0)"] } ?? []
        ).status
      }
      func token(_ name: String, _ role: Role, _ tenant: String?) async throws -> String {
        try await live.client.createToken(
          TokenRequest(name: name, role: role, tenant: tenant.flatMap(TenantName.init), expiresInSeconds: nil)
        ).secret
      }
      while (try? await live.client.ready()) == nil { try await Task.sleep(for: .milliseconds(20)) }
      let id = try await live.client.createAgent(document: document("bot", extra: "  ports: {http: 8080}")).id
      _ = try await live.client.createAgent(document: document("shy"))
      while try await live.client.agent(id).status.phase != .running { try await Task.sleep(for: .milliseconds(20)) }
      let own = try await token("own", .operator, "default")
      #expect(try await ask("/agents/default/bot/", own) == 200)
      #expect(try await ask("/agents/default/bot/x/y?z=1", live.secret) == 200)
      #expect(try await ask("/agents/default/bot/", nil) == 401)
      #expect(try await ask("/agents/default/bot/", "lob_wrong") == 401)
      #expect(try await ask("/agents/default/bot/", try await token("see", .viewer, "default")) == 403)
      #expect(try await ask("/agents/default/bot/", try await token("other", .operator, "acme")) == 404)
      #expect(try await ask("/agents/default/none/", own) == 404)
      #expect(try await ask("/agents/default/shy/", own) == 404)
      #expect(try await ask("/agents/default", own) == 404)
      #expect(try await ask("/v1/agents", own) == 404)
    }
  }

  @Test("signs the node's requests for agents that exist and for the proxy, and for nobody else") func signs()
    async throws
  {
    try await with { live, _ in
      while (try? await live.client.ready()) == nil { try await Task.sleep(for: .milliseconds(20)) }
      _ = try await live.client.createAgent(document: document("bot"))
      let ghost = SPIFFEID.agent(try #require(AgentID("default/ghost")), in: .default)
      let wanted = [try Self.bot, .service(.proxy, in: .default)]
      for id in wanted + [ghost, Self.gateway, .service(.controlPlane, in: .default)] {
        await live.node.ask(for: CertificateRequest(id: id, publicKey: IdentityKey().publicKey.der))
      }
      var signed: [SignedCertificate] = []
      while signed.count < wanted.count {
        try await Task.sleep(for: .milliseconds(20))
        signed = await live.node.desired.identity?.certificates ?? []
      }
      #expect(Set(signed.map(\.request.id)) == Set(wanted))
      let records = try await live.client.audit(AuditQuery(action: AuditActionPattern("identity.issue"))).items
      #expect(Set(records.map(\.target)).isSuperset(of: wanted.map { "identity \($0)" }))
    }
  }
}
