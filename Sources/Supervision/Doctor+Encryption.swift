import Foundation

extension Doctor {
  /// What agents print lies on ext4 that the kernel encrypts (fscrypt).
  func encryption() -> Finding { Self.encryption(ext4: "/sys/fs/ext4") }

  /// - Parameter ext4: where the kernel's ext4 tells of itself (ext4(5), "/sys files").
  static func encryption(ext4: String) -> Finding {
    if FileManager.default.fileExists(atPath: "\(ext4)/features/encryption") {
      return .ok("encryption", "ext4 encrypts files")
    }
    guard FileManager.default.fileExists(atPath: ext4) else {
      return .warn(
        "encryption", "ext4 is not loaded, so it is not known whether it encrypts files",
        remedy: "run 'modprobe ext4', then 'lobstack doctor' again")
    }
    return .fail(
      "encryption", "this kernel has no fscrypt for ext4, with which the logs of agents are encrypted",
      remedy: "use Linux 5.4 or newer with CONFIG_FS_ENCRYPTION")
  }
}
