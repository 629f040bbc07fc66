import Files
import Foundation
import KernelFiles

/// Looks for what others left, in all that a program finds of processes and of files.
struct ProbeSearch {
  /// Of the environment.
  static let variable = "PROBE_CANARY"
  private static let directories = ["/workspace", "/tmp", "/dev/shm"]
  private static let file = "lobstack-probe-canary"
  private static let mostFiles = 2_000
  private static let longestFile = 64 << 10

  private(set) var found: Set<String> = []
  private(set) var processes = 0
  private(set) var files = 0
  private let texts: [String: String]

  /// - Parameter texts: by what they are called.
  init(for texts: [String: String]) {
    self.texts = texts
    for process in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard process.allSatisfy(\.isWholeNumber) else { continue }
      processes += 1
      for name in ["environ", "cmdline"] { take((try? kernelFile("/proc/\(process)/\(name)")) ?? "") }
      for directory in ["cwd"] + Self.directories.map({ "root\($0)" }) { search("/proc/\(process)/\(directory)/") }
    }
    for directory in Self.directories { search("\(directory)/") }
  }

  /// Leaves a text where another may look for it.
  static func leave(_ text: String) {
    for directory in directories {
      try? Data(text.utf8).write(to: URL(filePath: "\(directory)/\(file)"))
    }
  }

  private mutating func take(_ content: String) {
    for (name, text) in texts where content.contains(text) { found.insert(name) }
  }

  private mutating func search(_ directory: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
      guard files < Self.mostFiles else { return }
      // What is no file may never end.
      guard let status = FileStatus(directory + name), status.isRegular, status.size <= Self.longestFile,
        let content = FileManager.default.contents(atPath: directory + name)
      else { continue }
      files += 1
      take(String(decoding: content, as: UTF8.self))
    }
  }
}
