import ChildProcess
import Faults

/// What a probe found out about the runsc of this machine.
package struct RuntimeTraits: Sendable, Hashable {
  package var executable: String
  /// First line of `runsc --version`.
  package var version: String
  /// `systrap` where the build has it, else `ptrace`.
  package var platform: String
  /// `start` must not see /proc/sys/net.
  package var hidesNetworkSettings: Bool

  /// Flags that every call needs: runsc does not remember them.
  var flags: [String] {
    ["--platform=\(platform)", "--network=sandbox", "--oci-seccomp", "--host-uds=none", "--overlay2=none"]
  }

  private static let patience = Duration.seconds(10)

  /// - Throws: `Fault(.notFound)` when there is no runsc.
  package static func probe(_ name: String) async throws -> RuntimeTraits {
    guard let executable = Command.locate(name) else {
      throw Fault(
        .notFound, operation: "use gVisor", reason: "there is no program '\(name)'",
        remedy: "install the package runsc or give its path with --runsc")
    }
    let version = try await Command(executable, ["--version"]).check(timeout: patience)
    let flags = try await Command(executable, ["flags"]).run(timeout: patience)
    let text = flags.standardOutput + flags.standardError
    // In a fresh network namespace: older kernels keep this setting for the first namespace alone.
    let visible = try await Command("unshare", ["--net", "test", "-e", "/proc/sys/net/core/rmem_default"])
      .run(timeout: patience)
    return RuntimeTraits(
      executable: executable, version: version.split(separator: "\n").first.map(String.init) ?? "unknown",
      platform: text.contains("systrap") ? "systrap" : "ptrace", hidesNetworkSettings: visible.status == .exited(0))
  }
}
