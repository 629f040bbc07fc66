import AgentModel
import ChildProcess
import Faults
import Files
import Foundation
import Glibc

/// The directories of what holds keys or secrets, on file systems in memory: they never meet a disk.
struct MemoryDirectories: Sendable {
  let layout: InstanceLayout

  /// Room for the configuration and certificates of thousands of agents. The log of what they were refused, which they
  /// can make grow, has its own.
  private var sizes: [(path: String, size: String)] {
    [
      (layout.proxyDirectory, "128M"), (layout.proxyLogDirectory, "48M"), (layout.gatewayDirectory, "16M"),
      (layout.vaultRunDirectory, "64M"), (layout.nodeMemoryDirectory, "256M"), (layout.agentSecretsDirectory, "256M"),
    ]
  }

  /// Mounts those that are not mounted; what the node wrote for its proxy stays. The gateway's is made anew: what is in
  /// it belongs to the control plane's user, whom root does not follow into his own directories, and he writes it anew.
  func mount() async throws {
    if Self.isMountPoint(layout.gatewayDirectory) {
      try await Command("umount", ["--lazy", layout.gatewayDirectory]).check(timeout: .seconds(10))
    }
    for (path, size) in sizes {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
      try await Self.mount(path, size: size)
    }
  }

  /// Mounts one, unless it is mounted.
  static func mount(_ path: String, size: String) async throws {
    guard !isMountPoint(path) else { return }
    let options = "size=\(size),mode=0755,nosuid,nodev,noexec"
    let kept = try await Command("mount", ["-t", "tmpfs", "-o", "\(options),noswap", "tmpfs", path]).run(
      timeout: .seconds(10))
    // Linux before 6.4 cannot keep a tmpfs out of swap.
    if kept.status == .exited(0) { return }
    try await Command("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]).check(timeout: .seconds(10))
  }

  func unmount() async throws {
    for (path, _) in sizes.reversed() { try await Self.unmount(path) }
  }

  static func unmount(_ path: String) async throws {
    guard isMountPoint(path) else { return }
    try await Command("umount", [path]).check(timeout: .seconds(10))
  }

  static func isMountPoint(_ path: String) -> Bool {
    guard let own = FileStatus(path), let parent = FileStatus("\(path)/..") else { return false }
    return own.device != parent.device
  }
}
