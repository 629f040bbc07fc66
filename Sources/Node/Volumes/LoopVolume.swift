import AgentModel
import ChildProcess
import Faults
import Foundation
import KernelFiles

/// An ext4 file system in a sparse file, so that its size is a limit that the kernel keeps.
struct LoopVolume: Sendable {
  let image: String
  let mountPoint: String
  /// Who may write to it.
  let owner: UInt32
  /// Whether a crash of the machine must not cost what was written before.
  let hasJournal: Bool
  /// Whether directories in it can be encrypted by the kernel.
  var canEncrypt = false

  /// Makes the volume if it is not there, and mounts it if it is not mounted.
  ///
  /// - Returns: Whether the volume was made by this call.
  /// - Throws: `Fault(.failed)` from mkfs or mount; `Fault(.exhausted)` when the file cannot be made.
  @discardableResult
  func mount(size: ByteSize) async throws -> Bool {
    let isNew = !FileManager.default.fileExists(atPath: image)
    if isNew { try await format(size: size) }
    guard !(try isMounted) else { return false }
    try makePrivateDirectory(mountPoint)
    try await Command("mount", ["-t", "ext4", "-o", "loop,nosuid,nodev,noatime", image, mountPoint]).check()
    // mkfs makes it for fsck; fsck makes it again when it needs it, and the agent has no use for it.
    rmdir("\(mountPoint)/lost+found")
    return isNew
  }

  /// Unmounts the volume; done when it is not mounted. Its last user may have ended a moment ago, and hold it until the
  /// kernel has closed its files.
  func unmount() async throws {
    for _ in 0..<50 {
      guard try isMounted else { return }
      if try await Command("umount", [mountPoint]).run(timeout: .seconds(10)).status == .exited(0) { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    try await Command("umount", [mountPoint]).check()
  }

  private func format(size: ByteSize) async throws {
    let partial = image + ".new"
    guard FileManager.default.createFile(atPath: partial, contents: nil, attributes: [.posixPermissions: 0o600]),
      truncate(partial, Int(size.bytes)) == 0
    else {
      throw Fault(
        .exhausted, operation: "create a volume of \(size) at \(image)",
        reason: String(cString: strerror(errno)), remedy: "free disk space, or ask for a smaller workspace")
    }
    // Before Linux 5.5 it encrypts only blocks of a page's size, and mkfs makes small ones for a small volume.
    let options = (hasJournal ? [] : ["-O", "^has_journal"]) + (canEncrypt ? ["-O", "encrypt", "-b", "4096"] : [])
    try await Command(
      "mkfs.ext4",
      ["-q", "-F", "-m", "0"] + options
        + ["-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1,root_owner=\(owner):\(owner)", partial]
    ).check()
    guard rename(partial, image) == 0 else {
      throw Fault(
        .failed, operation: "create \(image)", reason: String(cString: strerror(errno)),
        remedy: "mend the file system")
    }
  }

  private var isMounted: Bool {
    get throws { try mountTable().contains { $0.target == mountPoint } }
  }
}
