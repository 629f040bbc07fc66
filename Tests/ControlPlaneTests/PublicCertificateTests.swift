import ACMEClient
import APIModel
import AgentModel
import CertificateAuthority
import Faults
import Foundation
import Logging
import Synchronization
import Testing

@testable import ControlPlane

@Suite("The pause before an authority is asked again") struct RetryScheduleTests {
  @Test("grows to six hours, and allows five failures in the first hour") func grows() {
    let pauses = (1...12).map { RetrySchedule.pause(after: $0, life: nil) }
    #expect(pauses.prefix(4) == [60, 180, 540, 1620])
    #expect(pauses == pauses.sorted() && pauses.last == 6 * 3600)
    var time: TimeInterval = 0
    var failures = 0
    while time < 3600 {
      failures += 1
      time += RetrySchedule.pause(after: failures, life: nil)
    }
    #expect(failures <= 5)
    #expect(RetrySchedule.pause(after: 0, life: nil) == 60 && RetrySchedule.pause(after: .max, life: nil) == 6 * 3600)
  }

  @Test("leaves many attempts before the present certificate ends") func bounded() {
    for life: TimeInterval in [90 * 86400, 6 * 86400, 3600, 90] {
      var left = life / 3
      var attempts = 0
      while left > 0, attempts < 1000 {
        attempts += 1
        left -= RetrySchedule.pause(after: attempts, life: (life, left))
      }
      #expect(attempts >= 8, "\(life)")
    }
    #expect(RetrySchedule.pause(after: 12, life: (90 * 86400, 30 * 86400)) == 6 * 3600)
    #expect(RetrySchedule.pause(after: 12, life: (90 * 86400, 60)) == 900)
    #expect(RetrySchedule.pause(after: 12, life: (90 * 86400, -1)) == 900)
  }
}

/// An authority that gives certificates of an hour, or says why not.
final class FakeAuthority: Sendable {
  static let name = "gateway.example.org"
  private let authority: Authority
  private let state = Mutex<(fault: Fault?, count: Int)>((nil, 0))

  init(_ directory: String) throws {
    let root = try RootAuthority.open(in: directory, for: .default, at: .now)
    authority = Authority(trustDomain: .default, at: .now)
    try authority.trust(root.anchor, at: .now)
    let pending = PendingIntermediate()
    try authority.adopt(
      pending, certificate: try root.signIntermediate(try pending.certificateRequest(), at: .now), at: .now)
  }

  var count: Int { state.withLock { $0.count } }
  func refuse(_ reason: String?) {
    state.withLock {
      $0.fault = reason.map { Fault(.denied, operation: "get a certificate", reason: $0, remedy: "mend it") }
    }
  }

  func obtain() throws -> Lego.Obtained {
    let fault = state.withLock { state in
      state.count += 1
      return state.fault
    }
    if let fault { throw fault }
    let key = IdentityKey()
    let issued = try authority.issueServerCertificate(
      for: [ServerName(Self.name)].compactMap { $0 }, key: key.publicKey, at: .now, life: .seconds(3600))
    return Lego.Obtained(chain: issued.chain.pem, privateKey: key.secretPEM)
  }
}

@Suite("The public certificate") struct PublicCertificateTests {
  private func with(
    directoryURL: String = "https://ca.test/dir", in directory: String, serving: Bool = true,
    _ body: (PublicCertificates, FakeAuthority, FakeAudit) async throws -> Void
  ) async throws {
    let layout = InstanceLayout(stateDirectory: directory)
    try FileManager.default.createDirectory(
      atPath: layout.publicCertificateDirectory, withIntermediateDirectories: true)
    let authorityDirectory = "\(layout.controlPlaneDirectory)/ca"
    try FileManager.default.createDirectory(atPath: authorityDirectory, withIntermediateDirectories: true)
    let authority = try FakeAuthority(authorityDirectory)
    let audit = FakeAudit()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let settings = PublicCertificateSettings(
      domains: [try #require(PublicDomain(FakeAuthority.name))], email: try #require(MailAddress("ops@example.org")),
      directory: try #require(PublicCertificateSettings.DirectoryURL(directoryURL)))
    let certificates = PublicCertificates(
      settings: settings, layout: layout, audit: AuditTrail(log: audit, logger: logger), logger: logger,
      obtain: { try authority.obtain() }, isServing: { serving })
    try await body(certificates, authority, audit)
  }

  private func withDirectory(_ body: (String) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "lobstack-acme-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }  // a temporary one
    try await body(directory)
  }

  @Test("is asked for once the gateway serves, kept for the next start, and renewed at two thirds of its life")
  func life() async throws {
    try await withDirectory { directory in
      try await with(in: directory, serving: false) { certificates, authority, _ in
        #expect(await certificates.step(at: .now) == 1)
        #expect(authority.count == 0)
        let report = await certificates.report(at: .now)
        #expect(!report.isWell && report.text.contains("is being asked for"))
      }
      try await with(in: directory) { certificates, authority, audit in
        _ = await certificates.step(at: .now)
        let present = try #require(await certificates.certificate(at: .now))
        let report = await certificates.report(at: .now)
        #expect(report.isWell && report.text.contains(present.validity.notAfter.ISO8601Format()))
        #expect(await audit.count("certificate.obtain", "allowed") == 1)
        #expect(await certificates.step(at: .now) == 60)
        _ = await certificates.step(at: .now + 2370)
        #expect(authority.count == 1)
        _ = await certificates.step(at: .now + 2401)
        #expect(authority.count == 2)
        #expect(await certificates.certificate(at: .now)?.serial != present.serial)
        let file = "\(InstanceLayout(stateDirectory: directory).publicCertificateDirectory)/current.pem"
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
      }
      try await with(in: directory) { certificates, authority, _ in
        #expect(await certificates.certificate(at: .now) != nil)
        _ = await certificates.step(at: .now)
        #expect(authority.count == 0)
      }
      // Another authority's is not taken up.
      try await with(directoryURL: "https://other.test/dir", in: directory) { certificates, _, _ in
        #expect(await certificates.certificate(at: .now) == nil)
      }
    }
  }

  @Test("is asked for again at once when the clock was set back, and not in as long") func clockSetBack() async throws {
    try await withDirectory { directory in
      try await with(in: directory) { certificates, authority, _ in
        authority.refuse("not now")
        _ = await certificates.step(at: .now)
        #expect(authority.count == 1)
        _ = await certificates.step(at: .now + 30)
        #expect(authority.count == 1)
        _ = await certificates.step(at: .now - 86_400)
        #expect(authority.count == 2)
      }
    }
  }

  @Test("stays while renewal fails, and each failure is told and recorded") func failure() async throws {
    try await withDirectory { directory in
      try await with(in: directory) { certificates, authority, audit in
        authority.refuse("the name leads elsewhere")
        _ = await certificates.step(at: .now)
        var report = await certificates.report(at: .now)
        #expect(!report.isWell)
        #expect(report.text.contains("the name leads elsewhere; mend it (failed 1 times, next try at"))
        #expect(report.text.contains("built-in"))
        #expect(await certificates.certificate(at: .now) == nil)
        // Not before its time.
        _ = await certificates.step(at: .now + 30)
        #expect(authority.count == 1)

        authority.refuse(nil)
        _ = await certificates.step(at: .now + 61)
        let present = try #require(await certificates.certificate(at: .now))
        #expect(await certificates.report(at: .now).isWell)

        authority.refuse("no more")
        _ = await certificates.step(at: .now + 2401)
        report = await certificates.report(at: .now)
        #expect(!report.isWell && report.text.contains("ends at \(present.validity.notAfter.ISO8601Format())"))
        #expect(report.text.contains("no more"))
        #expect(await certificates.certificate(at: .now)?.serial == present.serial)
        #expect(await audit.count("certificate.obtain", "failed") == 2)
        // Past its end the gateway shows the built-in authority's instead.
        #expect(await certificates.certificate(at: .now + 3601) == nil)
      }
    }
  }
}

@Suite("The gateway's settings") struct GatewaySettingsTests {
  @Test(
    "say where the revocation list is",
    arguments: [
      (["a.example.org", "127.0.0.1"], UInt16(443), "https://a.example.org/v1/crl"),
      (["127.0.0.1"], 8443, "https://127.0.0.1:8443/v1/crl"), (["::1"], 8443, "https://[::1]:8443/v1/crl"),
    ])
  func revocations(names: [String], port: UInt16, expected: String) throws {
    #expect(try GatewaySettings(names: names, port: port).revocations == expected)
  }

  @Test("refuse what is no name") func refuses() {
    #expect(throws: Fault.self) { try GatewaySettings(names: ["*.example.org"], port: 443) }
  }
}
