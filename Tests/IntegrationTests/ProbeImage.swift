import ChildProcess
import Foundation
import Testing

/// The smallest root file system that can tell what a sandbox is like: one static busybox under several names.
enum ProbeImage {
  private static let programs = [
    "sh", "sleep", "id", "cat", "echo", "dd", "true", "false", "touch", "ls", "kill", "wc", "env", "date", "nc", "su",
    "xmrig",
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

extension ProbeImage {
  /// Adds this machine's curl with the libraries that it needs, for agents that speak TLS.
  static func addCurl(at directory: String) async throws {
    let curl = try #require(Command.locate("curl"))
    let listing = try await Command("ldd", [curl]).check()
    let libraries = listing.split(whereSeparator: { $0.isWhitespace }).map(String.init).filter { $0.hasPrefix("/") }
    for path in Set(libraries) {
      let target = URL(filePath: directory + path)
      try FileManager.default.createDirectory(
        at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(contentsOf: URL(filePath: path).resolvingSymlinksInPath()).write(to: target)
      chmod(target.path, 0o755)
    }
    try FileManager.default.copyItem(atPath: curl, toPath: "\(directory)/bin/curl")
  }
}
