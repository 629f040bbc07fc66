import AgentModel
import ChildProcess
import Faults
import Glibc

/// The network namespace in which an instance's runsc is run, so that nobody else reaches its sandboxes.
///
/// runsc speaks to a sandbox over an abstract Unix socket: one without permissions, in the network namespace of the
/// `runsc run` that made it. gVisor's own check of the caller takes every user of the host but root for its own
/// (pkg/control/server: each shows as the overflow uid in the sandbox's user namespace, which is the sandbox's uid). In
/// the host's namespace any local user could run programs in every sandbox; into this one only root gets.
package struct ControlNamespace: Sendable, Hashable {
  package let name: String
  var path: String { "/run/netns/\(name)" }

  package init(of instance: InstanceName) { name = "lobstack-\(instance)-control" }

  /// - Throws: `Fault(.failed)` when it cannot be made.
  func open() async throws {
    guard !exists else { return }
    let result = try await Command("ip", ["netns", "add", name]).run(timeout: .seconds(10))
    // Another process of the instance may have been quicker.
    guard exists else {
      throw Fault(
        .failed, operation: "make network namespace \(name)", reason: result.standardError, remedy: "run as root")
    }
  }

  func remove() async throws {
    guard exists else { return }
    try await Command("ip", ["netns", "delete", name]).check(timeout: .seconds(10))
  }

  /// A program run in the namespace.
  package func command(_ program: String, _ arguments: [String]) -> Command {
    Command("nsenter", ["--net=\(path)", program] + arguments)
  }

  private var exists: Bool { access(path, F_OK) == 0 }
}
