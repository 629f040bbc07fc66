import ChildProcess
import Faults
import Foundation
import Glibc

/// The root file system of every probe: busybox and bash of this machine, nothing else.
enum ProbeImage {
  private static let applets = [
    "base64", "cat", "chown", "date", "dd", "env", "find", "grep", "head", "httpd", "id", "ln", "ls", "mkdir", "mkfifo",
    "mknod",
    "mount", "mv",
    "nc", "ping", "ps", "rm", "sed", "seq", "sh", "sleep", "sort", "stat", "tail", "tee", "timeout", "touch", "tr",
    "true",
    "uname",
    "unshare", "wc",
  ]
  /// Where the runtime mounts something, which a read-only root must hold already; `host` and `other` are for the
  /// mounts that only a sandbox without its controls gets.
  private static let directories = [
    "proc", "sys", "dev", "tmp", "workspace", "vault/secrets", "etc", "bin", "probe", "host", "other",
  ]

  /// Makes the image in `directory`, which must not exist; readable by all, without setuid files.
  static func make(in directory: String) async throws {
    for name in [""] + directories { try makeDirectory("\(directory)/\(name)", mode: 0o755) }
    // Open to all, so that only the read-only mount can stop a write.
    chmod("\(directory)/probe", 0o777)
    let bash = try await program("bash")
    let busybox = try await program("busybox")
    for path in [busybox, bash] {
      try copy(path, to: "\(directory)/bin/\((path as NSString).lastPathComponent)")
      for library in try await libraries(of: path) { try copy(library, to: "\(directory)\(library)") }
    }
    for applet in applets { symlink("busybox", "\(directory)/bin/\(applet)") }
    try "agent:x:10001:10001::/workspace:/bin/sh\n".write(
      toFile: "\(directory)/etc/passwd", atomically: false, encoding: .utf8)
  }

  private static func program(_ name: String) async throws -> String {
    guard let path = Command.locate(name) else {
      throw NotTestable("the probes need \(name), which is not installed; install it with scripts/setup")
    }
    return path
  }

  /// The shared libraries that the dynamic loader would open, with the loader; none for a static program.
  private static func libraries(of path: String) async throws -> [String] {
    let result = try await Command("ldd", [path]).run(timeout: .seconds(10))
    return result.standardOutput.split(whereSeparator: \.isWhitespace).map(String.init)
      .filter { $0.hasPrefix("/") }.filter { FileManager.default.fileExists(atPath: $0) }
  }

  private static func copy(_ source: String, to destination: String) throws {
    guard !FileManager.default.fileExists(atPath: destination) else { return }
    do {
      try makeDirectory((destination as NSString).deletingLastPathComponent, mode: 0o755)
      let real = URL(filePath: source).resolvingSymlinksInPath().path
      try FileManager.default.copyItem(atPath: real, toPath: destination)
      chmod(destination, 0o755)
    } catch {
      throw Fault(
        .failed, operation: "copy \(source) to \(destination)", reason: "the file cannot be copied",
        remedy: "free disk space in /tmp", cause: error)
    }
  }
}
