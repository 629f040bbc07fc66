import Foundation
import Testing

/// Each control is really switched off, on a platform that is otherwise whole, and the check that every run makes has to
/// say so.
@Suite("A control that is switched off", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(12)))
struct SwitchedOffTests {
  @Test("has a switch here, for each check that there is") func complete() async throws {
    struct Listing: Decodable { var id: String }
    let listed = try await withoutPlatform {
      try await $0.run("verify", "--list", "-o", "json").ok().json([Listing].self)
    }
    #expect(Set(listed.map(\.id)) == Set(Switch.all.map(\.check)))
  }

  @Test("fails its check, and with the control on the check is proven") func fails() async throws {
    try await LoosePlatform.with { loose in
      try await policies(loose)
      try loose.switchOff([])
      try await loose.platform.purge()
      try await loose.platform.up()
      try await sandbox(loose)
      try await processes(loose)
      try await mesh(loose)
      try await network(loose)
      // The same tools, with nothing switched off.
      try loose.switchOff([])
      try await loose.restart(["node", "control-plane", "proxy", "gateway"])
      // Without what takes its own time, and what measures the machine: those are in the tests of verify.
      let checks = Switch.all.map(\.check).filter { !$0.hasPrefix("REL-") && $0 != "ISO-4" }
      for check in try await loose.verify(Array(Set(checks)).sorted()).checks {
        #expect(check.verdict == "PROVEN", "\(check.id) with the control on: \(check.evidence)")
      }
    }
  }

  /// Takes seven minutes: with `LONG_TESTS=1`.
  @Test(
    "fails its check of an outage", .enabled(if: longTests))
  func outages() async throws {
    try await LoosePlatform.with { loose in
      try await loose.platform.up()
      try loose.switchOff(["detached"])
      try await expectFailures(loose, Switch.outages.filter { $0.check == "REL-1" })
      try loose.switchOff(["running-on"])
      let detached = Switch.outages.filter { $0.control == "sandboxes stand still with the platform" }
      try await expectFailures(loose, detached)
      try loose.switchOff(["policy-reload", "read-back"])
      try await loose.restart(["control-plane"])
      try await loose.waitForReadBack()
      let ofAudit = Switch.outages.filter { $0.check == "REL-2-AUDIT" }
      try await expectFailures(
        loose, Switch.outages.filter { $0.control.hasPrefix("the ") && $0.check != "REL-2-AUDIT" })
      // The last: it leaves a log with a hole, which no check can read.
      try loose.switchOff(["full-disk"])
      try await loose.restart(["control-plane"])
      try await expectFailures(loose, ofAudit)
    }
  }

  private func expectFailures(_ loose: LoosePlatform, _ switches: [Switch]) async throws {
    let report = try await loose.verify(switches.map(\.check))
    #expect(report.checks.count == switches.count)
    for entry in switches {
      let check = try #require(report.checks.first { $0.id == entry.check })
      #expect(check.verdict == "FAILED", "\(check.id), although \(entry.control): \(check.evidence)")
      #expect(
        check.evidence.contains { $0.contains(entry.evidence) },
        "\(check.id), while \(entry.control), has other evidence: \(check.evidence)")
    }
  }

  // MARK: The groups

  private func policies(_ loose: LoosePlatform) async throws {
    // The secrets manager lets nobody change its audit devices later.
    try loose.switchOff(["audit-hashing"])
    try await loose.platform.up()
    try await loose.remove(rules: [
      "Shell spawned in agent container", "Privilege change attempt", "Crypto miner", "Secret or vault token read",
      "Contact Kubernetes API", "Outbound on non-443 port", "Sensitive path access",
    ])
    try loose.remove(constraints: [
      "required-labels", "no-privileged-containers", "required-resources", "run-as-non-root", "no-latest-tag",
    ])
    try await loose.openSecretsManager()
    try await loose.keepSecretsOnDisk()
    try await expectFailures(loose, Switch.policies)
  }

  private func sandbox(_ loose: LoosePlatform) async throws {
    try loose.switchOff([
      "read-only", "user", "process-limit", "host-files", "workspaces", "credentials", "service-account",
      "renewal",
    ])
    try await expectFailures(loose, Switch.sandbox)
  }

  private func processes(_ loose: LoosePlatform) async throws {
    try await loose.keepingCheckpoint {
      try loose.switchOff(["kernel", "trace-points", "keys", "tls-version", "records"])
      try await loose.restart(["control-plane", "gateway"])
      try await expectFailures(loose, Switch.processes)
    }
  }

  private func mesh(_ loose: LoosePlatform) async throws {
    try loose.switchOff(["gateway-login", "egress", "mesh", "identity", "policy-reload", "full-disk"])
    try await loose.restart(["control-plane", "proxy", "gateway"])
    try await loose.unsealAuditLog()
    try await expectFailures(loose, Switch.mesh)
    try await loose.sealAuditLog()
  }

  private func network(_ loose: LoosePlatform) async throws {
    try loose.switchOff(["firewall"])
    try await loose.restart(["node", "control-plane", "proxy", "gateway"])
    try await expectFailures(loose, Switch.network)
  }
}
