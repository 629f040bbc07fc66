import Faults
import Foundation
import Glibc
import KernelFiles

extension Platform {
  /// Opens a backup and verifies all that can be verified without a secrets manager, in memory, and leaves nothing.
  ///
  /// - Throws: `Fault` naming what is wrong with it; `Fault(.exhausted)` when it is larger than half of the free memory.
  package static func verify(_ backup: BackupFile, progress: @escaping @Sendable (String) -> Void) async throws
    -> BackupManifest
  {
    guard geteuid() == 0 else {
      throw Fault(
        .denied, operation: "verify \(backup.path)", reason: "what is in it is root's",
        remedy: "run the command with sudo")
    }
    let (_, size) = try backup.requireDigest(progress: progress)
    // An archive of small files takes up to a page more for each.
    let needed = size * 2 + (16 << 20)
    guard needed < (try freeMemory()) / 2 else {
      throw Fault(
        .exhausted, operation: "verify \(backup.path)",
        reason: "it takes \(needed.inMebibytes) of memory, more than half of what is free",
        remedy: "verify it on a larger machine, or restore it on one that has no instance of that name")
    }
    let directory = "/run/lobstack-verify-\(getpid())"
    try Preparation.makeDirectory(directory, mode: 0o700)
    defer { rmdir(directory) }
    try await MemoryDirectories.mount(directory, size: "\(needed)")
    let result = await Result {
      progress("decrypting")
      let unpacked = "\(directory)/unpacked"
      try await BackupArchive(path: backup.path).unpack(into: unpacked, identity: backup.identity)
      return try UnpackedBackup(verifying: unpacked, from: backup.path, progress: progress).manifest
    }
    try await shielded { try await MemoryDirectories.unmount(directory) }
    return try result.get()
  }

  private static func freeMemory() throws -> Int {
    let line = try kernelFile("/proc/meminfo").split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }
}
