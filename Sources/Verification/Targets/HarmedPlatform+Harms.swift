import AgentModel
import Faults
import Foundation
import Glibc

/// What is done to it.
extension HarmedPlatform {
  private var ballast: String { "\(layout.auditDirectory)/ballast" }

  /// Writes the disk of the audit log full.
  func fillAuditDisk() throws {
    let descriptor = Glibc.open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw networkFailure("fill the disk of the second platform's audit log") }
    defer { close(descriptor) }
    var block = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = write(descriptor, block, block.count)
      if count > 0 { continue }
      guard errno == ENOSPC else { throw networkFailure("fill the disk of the second platform's audit log") }
      guard block.count > 1 else { return }
      block = [UInt8](repeating: 0, count: block.count / 16)
    }
  }

  /// As above, and to the last record that its last block has room for.
  func fillAuditLog() async throws {
    try fillAuditDisk()
    for _ in 0..<60 {
      do { _ = try await target.run("true") } catch is Fault { return }
    }
  }

  func emptyAuditDisk() { unlink(ballast) }

  /// - Throws: `NotTestable` when it has no such process.
  func signal(_ component: String, _ number: Int32) throws {
    guard let process = self.component(component) else {
      throw NotTestable("the second platform has no process '\(component)'")
    }
    kill(process.pid, number)
  }

  private var brokenPolicy: String { "\(layout.policyDirectory)/gatekeeper/templates/verify.yaml" }

  func breakPolicies() throws { try "a: [".write(toFile: brokenPolicy, atomically: true, encoding: .utf8) }

  func mendPolicies() throws { try FileManager.default.removeItem(atPath: brokenPolicy) }

  /// Kills the supervisor, and waits until its processes have followed it.
  func killSupervisor() async throws {
    let processes = ["gateway", "proxy", "sentinel", "node", "control-plane", "vault"].compactMap(component)
    guard let proxy = component("proxy"), let supervisor = HostProcess(proxy.parent),
      supervisor.arguments.contains("\(layout.instance)")
    else { throw NotTestable("the second platform's supervisor was not found") }
    kill(supervisor.pid, SIGKILL)
    for _ in 0..<150 {
      let watchers = processes.filter { $0.arguments.first?.hasSuffix("lobstack") == true }
      if !watchers.contains(where: \.isRunning) { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw NotTestable("the second platform's processes did not follow their supervisor within 15 s")
  }
}
