import AgentModel
import Foundation
import Glibc

/// What is done to it, beside filling its disk.
extension HarmedPlatform {
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
      if watchers.allSatisfy({ HostProcess($0.pid)?.startTime != $0.startTime }) { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw NotTestable("the second platform's processes did not follow their supervisor within 15 s")
  }
}
