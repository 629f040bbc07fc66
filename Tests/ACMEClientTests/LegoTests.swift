import AgentModel
import Faults
import Foundation
import Testing

@testable import ACMEClient

@Suite("The ACME client") struct LegoTests {
  static func settings(_ authorities: String? = nil) throws -> PublicCertificateSettings {
    PublicCertificateSettings(
      domains: try ["a.example.org", "b.example.org"].map { try #require(PublicDomain($0)) },
      email: try #require(MailAddress("ops@example.org")),
      directory: try #require(PublicCertificateSettings.DirectoryURL("https://ca.test/dir")), authorities: authorities)
  }

  private func directory() throws -> String {
    let path = NSTemporaryDirectory() + "lobstack-acme-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    return path
  }

  @Test("is asked for all names at once, with a key of P-256, and listens nowhere") func arguments() throws {
    let lego = Lego(try Self.settings("/roots.pem"), directory: "/d")
    #expect(
      lego.arguments == [
        "--path", "/d", "--server", "https://ca.test/dir", "--email", "ops@example.org", "--accept-tos", "--key-type",
        "ec256", "--http", "--http.webroot", "/d/challenges", "--http-timeout", "30", "--domains", "a.example.org",
        "--domains", "b.example.org", "run",
      ])
    #expect(lego.environment["LEGO_CA_CERTIFICATES"] == "/roots.pem")
    #expect(Lego(try Self.settings(), directory: "/d").environment["LEGO_CA_CERTIFICATES"] == nil)
  }

  @Test("brings what it left behind, and keeps its directory closed") func obtains() async throws {
    let directory = try directory()
    defer { try? FileManager.default.removeItem(atPath: directory) }  // a temporary one
    let program = "\(directory)/client"
    try "#!/bin/sh\nmkdir -p $2/certificates\necho chain >$2/certificates/a.example.org.crt\n"
      .appending("echo canary >$2/certificates/a.example.org.key\n").write(
        toFile: program, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    let home = "\(directory)/acme"
    let obtained = try await Lego(try Self.settings(), directory: home, program: program).obtain()
    #expect(obtained.chain == "chain\n" && obtained.privateKey == "canary\n")
    #expect(!"\(obtained)".contains("canary") && !String(reflecting: Mirror(reflecting: obtained)).contains("canary"))
    for path in [home, Lego.challenges(in: home)] {
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o700)
    }
  }

  @Test("has a remedy for a failed program and for one that leaves nothing") func fails() async throws {
    let directory = try directory()
    defer { try? FileManager.default.removeItem(atPath: directory) }  // a temporary one
    for (program, reason) in [("/bin/false", "lego ended without a word"), ("/bin/true", "left no such file")] {
      let lego = Lego(try Self.settings(), directory: directory, program: program)
      let fault = await #expect(throws: Fault.self) { try await lego.obtain() }
      #expect(fault?.reason.contains(reason) == true)
    }
  }

  @Test("answers only the questions that it was asked, and leads to no other file") func answers() throws {
    let directory = try directory()
    defer { try? FileManager.default.removeItem(atPath: directory) }  // a temporary one
    let answers = Lego.challenges(in: directory) + "/.well-known/acme-challenge"
    try FileManager.default.createDirectory(atPath: answers, withIntermediateDirectories: true)
    let token = "TXykCXhB0fSooJSKy2pWVyP7r-EM"
    try "\(token).thumb".write(toFile: "\(answers)/\(token)", atomically: true, encoding: .utf8)
    try "secret".write(toFile: "\(directory)/account.key.aaaaaaaaaa", atomically: true, encoding: .utf8)
    #expect(Lego.answer(to: token, in: directory) == "\(token).thumb")
    for other in [
      "", "short", "../../../account.key.aaaaaaaaaa", "..%2f..%2f..%2faccount.key", token + "/", token + "x",
      String(repeating: "a", count: 257), token + "\0",
    ] {
      #expect(Lego.answer(to: other, in: directory) == nil)
    }
  }
}

@Suite("A failure of the ACME client") struct LegoFailureTests {
  /// What lego 4.9.1 prints, in the order of the cases below.
  @Test(
    "says in the authority's words what is wrong, and what to do",
    arguments: [
      (
        "2026/11/25 00:59:02 No key found for account ops@example.org. Generating a P256 key.\n"
          + "2026/11/25 00:59:02 Could not create client: get directory at 'https://ca.test/dir': Get "
          + "\"https://ca.test/dir\": dial tcp 127.0.0.1:1: connect: connection refused\n",
        Fault.Code.unavailable, "connect: connection refused", "check --acme-directory (https://ca.test/dir)"
      ),
      (
        "2026/11/25 00:59:02 Could not create client: get directory at 'https://ca.test/dir': Get "
          + "\"https://ca.test/dir\": dial tcp: lookup ca.test on 10.0.0.1:53: no such host\n",
        .unavailable, "no such host", "DNS"
      ),
      (
        "2026/11/25 00:59:19 Could not create client: get directory at 'https://ca.test/dir': Get "
          + "\"https://ca.test/dir\": x509: certificate signed by unknown authority\n",
        .denied, "unknown authority", "--acme-ca"
      ),
      (
        "2026/11/25 00:59:19 Could not create client: get directory at 'https://ca.test/dir': acme: error: 0 :: GET "
          + ":: https://ca.test/dir ::  :: \n",
        .invalid, "get directory at", "there is no ACME directory"
      ),
      (
        "2026/11/25 00:59:19 [INFO] acme: Registering account for ops@example.org\n!!!! HEADS UP !!!!\n\nYour account "
          + "credentials have been saved\n2026/11/25 00:59:19 Could not obtain certificates:\n\tacme: error: 0 :: POST "
          + ":: https://ca.test/new-order :: urn:ietf:params:acme:error:rejectedIdentifier :: will not issue\n",
        .denied, "acme: error: 0 :: POST", "names that the authority certifies"
      ),
      (
        "2026/11/25 00:59:19 [INFO] [a.example.org] acme: Trying to solve HTTP-01\n2026/11/25 01:01:13 Could not obtain "
          + "certificates:\n\terror: one or more domains had a problem:\n[a.example.org] acme: error: 400 :: "
          + "urn:ietf:params:acme:error:incorrectResponse :: dial tcp 127.0.0.1:80: connect: connection refused\n",
        .denied, "[a.example.org] acme: error: 400", "port 80 be reached"
      ),
      (
        "2026/11/25 00:59:19 Could not obtain certificates:\n\tacme: error: 429 :: POST :: x :: "
          + "urn:ietf:params:acme:error:rateLimited :: too many failed authorizations\n",
        .exhausted, "acme: error: 429", "wait"
      ),
      ("something else\n", .failed, "something else", "by itself"),
    ])
  func tells(output: String, code: Fault.Code, reason: String, remedy: String) throws {
    let fault = LegoFailure(output, settings: try LegoTests.settings()).fault
    #expect(fault.code == code)
    #expect(fault.reason.contains(reason), "\(fault)")
    #expect(!fault.reason.contains("HEADS UP") && !fault.reason.contains("2026/"))
    #expect(fault.remedy.contains(remedy))
    #expect(fault.operation == "get a certificate for a.example.org, b.example.org")
  }

  @Test("is told shortly, whatever an authority writes") func bounded() throws {
    let fault = LegoFailure(String(repeating: "x", count: 100_000), settings: try LegoTests.settings()).fault
    #expect(fault.reason.count <= 701)
  }
}
