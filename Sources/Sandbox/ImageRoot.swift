import Faults
import Glibc

/// A look into an image's root file system from the host that never leaves it: every link is resolved inside.
struct ImageRoot: Sendable {
  let path: String
  /// The image's name, for messages.
  let name: String

  private static let mostLinks = 40

  /// - Throws: `Fault(.invalid)` naming the program when the image has no such executable.
  func requireProgram(_ program: String, searchPath: String) throws {
    let candidates =
      program.contains("/") ? [program] : searchPath.split(separator: ":").map { "\($0)/\(program)" }
    for candidate in candidates {
      guard let host = resolve(candidate), let status = status(host) else { continue }
      if status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o111 != 0 { return }
    }
    throw Fault(
      .invalid, operation: "use image \(name)",
      reason: "it has no executable program '\(program)'" + (program.contains("/") ? "" : " in \(searchPath)"),
      remedy: "correct spec.command or put the program into the image")
  }

  /// Mount points must be plain directories: a link could lead the mount elsewhere.
  ///
  /// - Throws: `Fault(.invalid)` naming the path.
  func requireDirectories(_ destinations: [String]) throws {
    for destination in destinations {
      guard let status = status(path + destination) else {
        throw Fault(
          .invalid, operation: "use image \(name)", reason: "its root has no directory \(destination)",
          remedy: "add the empty directory to the image")
      }
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw Fault(
          .invalid, operation: "use image \(name)", reason: "\(destination) in it is not a plain directory",
          remedy: "make it a directory in the image")
      }
    }
  }

  func hasFile(_ file: String) -> Bool { status(path + file).map { $0.st_mode & S_IFMT == S_IFREG } ?? false }

  /// The host path of a guest path, with every link resolved inside the root; `nil` when it does not exist.
  func resolve(_ guestPath: String) -> String? {
    var pending = guestPath.split(separator: "/").map(String.init).reversed() as [String]
    var resolved: [String] = []
    var links = 0
    while let component = pending.popLast() {
      switch component {
      case ".": continue
      case "..": _ = resolved.popLast()
      default:
        let host = "\(path)/\((resolved + [component]).joined(separator: "/"))"
        guard let status = status(host) else { return nil }
        guard status.st_mode & S_IFMT == S_IFLNK else {
          resolved.append(component)
          continue
        }
        links += 1
        guard links <= Self.mostLinks, let target = readLink(host) else { return nil }
        if target.hasPrefix("/") { resolved = [] }
        pending += target.split(separator: "/").map(String.init).reversed()
      }
    }
    return "\(path)/\(resolved.joined(separator: "/"))"
  }

  private func status(_ host: String) -> stat? {
    var status = stat()
    return lstat(host, &status) == 0 ? status : nil
  }

  private func readLink(_ host: String) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(host, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
  }
}
