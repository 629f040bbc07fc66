import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import Testing

@Suite("The gateway's certificate", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(8)))
struct PublicCertificateTests {
  @Test(
    "comes from a public authority, is renewed under load with no failed request, and its failure is told",
    .enabled(if: Command.locate(PublicAuthority.program) != nil, "OpenBao is not installed: run scripts/setup"))
  func acme() async throws {
    try await PublicAuthority.requirePort80()
    try await PublicAuthority.with { authority in
      try await withPlatform(started: false) { platform in
        try await platform.run(up(platform, authority), timeout: .seconds(100)).ok()
        try await eventually("the certificate is there") { try await component(platform)?.state == "ready" }
        let first = try #require(try await component(platform))
        #expect(first.detail.contains("certificate for a.lobstack.test, b.lobstack.test by Test intermediate until "))

        // Both names, the whole chain, and not our own authority.
        for name in ["a.lobstack.test", "b.lobstack.test"] {
          let seen = try await handshake(platform, name, roots: authority.roots)
          #expect(seen.contains("Verify return code: 0 (ok)"), "\(seen)")
          #expect(seen.contains("   i:CN = Test intermediate\n") && seen.contains(" 1 s:CN = Test intermediate\n"))
        }
        let plain = try await Command("curl", ["-s", "-i", "http://127.0.0.1/v1/status"]).check()
        #expect(
          plain.hasPrefix("HTTP/1.1 308") && plain.contains("location: https://127.0.0.1:\(platform.port)/v1/status"))
        try checkFiles(platform)

        let clients = VerifyingClients(in: authority.directory)
        try await clients.start(port: platform.port, name: "a.lobstack.test", roots: authority.roots)
        try await eventually("two certificates are there", within: .seconds(90)) {
          try await records(platform, "allowed") >= 2
        }
        try await eventually("the gateway has it") { try await component(platform)?.state == "ready" }
        try await Task.sleep(for: .seconds(2))
        let tally = try await clients.stop()
        print(
          "renewal under load: \(tally.requests) requests, \(tally.failures.count) failed, \(tally.serials.count) certificates"
        )
        #expect(tally.failures.isEmpty, "\(tally.failures)")
        #expect(tally.serials.count >= 2 && tally.requests > VerifyingClients.enough)

        try await authority.allow(false)
        try await eventually("the failure is told", within: .seconds(60)) {
          try await component(platform)?.state == "degraded"
        }
        // What is there stays until its end, which is near; then the built-in authority stands in.
        let kept = try await handshake(platform, "a.lobstack.test", roots: authority.roots)
        #expect(kept.contains("Verify return code: 0 (ok)"), "\(kept)")
        let told = try #require(try await component(platform))
        print("degraded: \(told.detail)")
        #expect(told.detail.contains("the certificate for a.lobstack.test, b.lobstack.test ends at "))
        #expect(told.detail.contains("ACME is disabled") || told.detail.contains("get directory at"))
        #expect(try await platform.run("status").code == 1)
        try await eventually("the failure is recorded") { try await records(platform, "failed") >= 1 }
        try await eventually("the failure is in the log") {
          let log = try String(contentsOfFile: "\(platform.layout.logDirectory)/control-plane.log", encoding: .utf8)
          return log.contains("error") && log.contains("The public authority gives no certificate")
        }
        try await eventually("the built-in authority stands in", within: .seconds(60)) {
          try await handshake(platform, "a.lobstack.test", roots: platform.layout.trustBundle)
            .contains("Verify return code: 0 (ok)")
        }

        try await authority.allow(true)
        try await eventually("it is renewed after all", within: .seconds(100)) {
          try await component(platform)?.state == "ready"
        }
        try await eventually("the gateway shows it") {
          try await handshake(platform, "a.lobstack.test", roots: authority.roots)
            .contains("Verify return code: 0 (ok)")
        }
      }
    }
  }

  @Test("is the built-in authority's until an authority can be reached, and the status says what to mend")
  func unreachable() async throws {
    try await withPlatform(started: false) { platform in
      let plainPort = platform.port + 1
      func up(_ options: String...) async throws -> TestPlatform.Outcome {
        try await platform.run(
          [
            "up", "--detach", "--listen", "127.0.0.1:\(platform.port)", "--domain", "a.lobstack.test", "--acme-email",
            "ops@example.org", "--http-listen", "127.0.0.1:\(plainPort)",
          ] + options, timeout: .seconds(100))
      }
      let noRoots = try await up("--acme-ca", "/etc/hostname")
      #expect(noRoots.code == 1 && noRoots.error.contains("/etc/hostname") && noRoots.error.contains("--acme-ca"))

      let squatter = TestProcess()
      await squatter.start(
        Command("python3", ["-m", "http.server", "--bind", "127.0.0.1", "\(plainPort)"]), log: "/dev/null")
      try await eventually("the port is taken") {
        try await Command("ss", ["-Hltn", "sport = :\(plainPort)"]).check() != ""
      }
      let taken = try await up()
      await squatter.stop()
      #expect(taken.code == 1 && taken.error.contains("another program listens on port \(plainPort)"), "\(taken)")
      #expect(taken.error.contains("--http-listen"))

      try await up("--acme-directory", "https://127.0.0.1:1/directory").ok()
      try await eventually("the failure is told") {
        try await component(platform)?.detail.contains("connection refused") == true
      }
      let told = try #require(try await component(platform))
      #expect(told.state == "degraded" && told.detail.contains("--acme-directory"), "\(told)")
      let seen = try await handshake(platform, "a.lobstack.test", roots: platform.layout.trustBundle)
      #expect(seen.contains("Verify return code: 0 (ok)"))
    }
  }

  @Test("of the built-in authority has a revocation list that is served openly and that OpenSSL believes")
  func revocation() async throws {
    try await withPlatform { platform in
      let roots = platform.layout.trustBundle
      let directory = platform.directory
      let origin = "https://127.0.0.1:\(platform.port)"
      let chain = try await handshake(platform, "localhost", roots: roots, "-showcerts")
      try chain.write(toFile: "\(directory)/chain.pem", atomically: true, encoding: .utf8)
      let text = try await Command(
        "openssl", ["x509", "-in", "\(directory)/chain.pem", "-noout", "-ext", "crlDistributionPoints"]
      ).check()
      #expect(text.contains("URI:\(origin)/v1/crl"), "\(text)")
      let kind = try await Command(
        "curl",
        [
          "-s", "--cacert", roots, "-o", "\(directory)/crl.der", "-w", "%{http_code} %{content_type}",
          "\(origin)/v1/crl",
        ]
      ).check()
      #expect(kind == "200 application/pkix-crl")
      try await Command(
        "openssl", ["crl", "-inform", "DER", "-in", "\(directory)/crl.der", "-out", "\(directory)/crl.pem"]
      ).check()
      let verdict = try await Command(
        "openssl",
        [
          "verify", "-x509_strict", "-CAfile", roots, "-untrusted", "\(directory)/chain.pem", "-crl_check", "-CRLfile",
          "\(directory)/crl.pem", "\(directory)/chain.pem",
        ]
      ).check()
      #expect(verdict.hasSuffix("OK\n"))
      let end = try await Command(
        "openssl", ["x509", "-in", "\(directory)/chain.pem", "-noout", "-checkend", "\(89 * 86400)"]
      ).run()
      #expect(end.status == .exited(0))

      try await platform.waitUntilReady()
      let status: PlatformStatus = try await platform.run("status", "-o", "json").json()
      for name in ["control-plane", "gateway", "node", "proxy", "resolver", "audit"] {
        #expect(status.components.first { $0.name == name }?.state == "ready", "\(name): \(status.components)")
      }
      kill(try platform.processID(of: "gateway"), SIGSTOP)
      try await eventually("the gateway is missed") { try await component(platform)?.state == "down" }
      kill(try platform.processID(of: "gateway"), SIGCONT)
      kill(try platform.processID(of: "proxy"), SIGSTOP)
      try await eventually("the node proxy is missed") { try await component(platform, "proxy")?.state == "down" }
      kill(try platform.processID(of: "proxy"), SIGCONT)
      kill(try platform.processID(of: "sentinel"), SIGSTOP)
      try await eventually("the resolver is missed") { try await component(platform, "resolver")?.state == "down" }
      kill(try platform.processID(of: "sentinel"), SIGCONT)
      try await platform.waitUntilReady()
    }
  }

  // MARK: What is seen

  private func up(_ platform: TestPlatform, _ authority: PublicAuthority) -> [String] {
    [
      "up", "--detach", "--listen", "127.0.0.1:\(platform.port)", "--http-listen", "127.0.0.1:80", "--domain",
      "a.lobstack.test", "--domain", "b.lobstack.test", "--acme-email", "ops@example.org", "--acme-directory",
      authority.acmeDirectory, "--acme-ca", authority.directoryRoots,
    ]
  }

  private func component(
    _ platform: TestPlatform, _ name: String = "gateway"
  ) async throws -> PlatformStatus.Component? {
    let status: PlatformStatus = try await platform.run("status", "-o", "json").json()
    return status.components.first { $0.name == name }
  }

  private func handshake(
    _ platform: TestPlatform, _ name: String, roots: String, _ more: String...
  ) async throws -> String {
    try await Command(
      "openssl",
      [
        "s_client", "-connect", "127.0.0.1:\(platform.port)", "-servername", name, "-verify_hostname", name, "-CAfile",
        roots,
      ] + more
    ).run(input: Array("Q\n".utf8)).standardOutput
  }

  private func records(_ platform: TestPlatform, _ outcome: String) async throws -> Int {
    let records: [AuditRecordResource] = try await platform.run(
      "audit", "list", "--action", "certificate.obtain", "-o", "json"
    ).ok().json()
    return records.count { $0.outcome == outcome }
  }

  /// The client ran as the control plane's user, and nobody else reads what it left.
  private func checkFiles(_ platform: TestPlatform) throws {
    let user = try #require(getpwnam(InstanceLayout.User.controlPlane)).pointee.pw_uid
    let directory = platform.layout.publicCertificateDirectory
    #expect(try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int == 0o700)
    let files = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
    #expect(files.contains { $0.hasSuffix("account.json") } && files.contains("current.pem"))
    for file in files {
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(file)")
      #expect(attributes[.ownerAccountID] as? UInt32 == user, "\(file)")
    }
  }
}
