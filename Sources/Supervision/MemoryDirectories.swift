import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc

/// The directories of the proxies, on file systems in memory: keys and injected credentials never meet a disk.
struct MemoryDirectories: Sendable {
  /// Room for the configuration and certificates of thousands of agents, and for a log that is cut off in time.
  private static let size = "128M"
  let layout: InstanceLayout

  private var paths: [String] { [layout.proxyDirectory, layout.gatewayDirectory] }

  /// Mounts those that are not mounted; what is in those that are stays, because proxies may serve from it.
  func mount() async throws {
    for path in paths {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
      guard !Self.isMountPoint(path) else { continue }
      let options = "size=\(Self.size),mode=0755,nosuid,nodev,noexec"
      let kept = try await Command("mount", ["-t", "tmpfs", "-o", "\(options),noswap", "tmpfs", path]).run(
        timeout: .seconds(10))
      // Linux before 6.4 cannot keep a tmpfs out of swap.
      if kept.status != .exited(0) {
        try await Command("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]).check(timeout: .seconds(10))
      }
    }
  }

  func unmount() async throws {
    for path in paths where Self.isMountPoint(path) {
      try await Command("umount", [path]).check(timeout: .seconds(10))
    }
  }

  static func isMountPoint(_ path: String) -> Bool {
    var (own, parent) = (stat(), stat())
    guard stat(path, &own) == 0, stat("\(path)/..", &parent) == 0 else { return false }
    return own.st_dev != parent.st_dev
  }
}
