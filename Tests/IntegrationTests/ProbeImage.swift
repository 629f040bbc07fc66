import Foundation
import Testing

/// The smallest root file system that can tell what a sandbox is like: one static busybox under several names.
enum ProbeImage {
  private static let programs = [
    "sh", "sleep", "id", "cat", "echo", "dd", "true", "false", "touch", "ls", "kill", "wc", "env", "date", "nc",
  ]

  static func make(at directory: String) throws {
    let files = FileManager.default
    for name in ["bin", "proc", "sys", "dev", "tmp", "etc", "workspace"] {
      try files.createDirectory(atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
    }
    try files.copyItem(atPath: "/bin/busybox", toPath: "\(directory)/bin/busybox")
    for name in programs {
      try files.createSymbolicLink(atPath: "\(directory)/bin/\(name)", withDestinationPath: "busybox")
    }
    try Data("agent:x:10001:10001::/workspace:/bin/sh\n".utf8).write(to: URL(filePath: "\(directory)/etc/passwd"))
    var path = directory
    while path != "/tmp" {
      #expect(chmod(path, 0o755) == 0)
      path = URL(filePath: path).deletingLastPathComponent().path
    }
  }
}
