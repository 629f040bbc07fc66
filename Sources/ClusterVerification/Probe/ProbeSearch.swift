import Foundation

/// Looks for what others left, in all that a program finds of processes and of files.
struct ProbeSearch {
  /// Of the environment.
  static let variable = "PROBE_CANARY"
  private static let directories = ["/workspace", "/tmp", "/dev/shm"]
  private static let file = "lobstack-probe-canary"
  private static let mostFiles = 2_000

  private(set) var found: Set<String> = []
  private(set) var processes = 0
  private(set) var files = 0

  /// - Parameter texts: by what they are called.
  init(for texts: [String: String]) {
    // As they are, and in no other spelling: the plan, which the program has as its argument, holds them in base64.
    let wanted = texts.mapValues { Array($0.utf8) }
    var places = Self.directories
    for process in ProbePlaces.processes {
      processes += 1
      for name in ["environ", "cmdline"] { take(ProbePlaces.content(of: "\(process)/\(name)"), wanted) }
      places += ["\(process)/cwd"] + Self.directories.map { "\(process)/root\($0)" }
    }
    for directory in places {
      for file in ProbePlaces.files(in: directory, deep: false, limit: Self.mostFiles - files) {
        guard let content = ProbePlaces.content(of: file) else { continue }
        files += 1
        take(content, wanted)
      }
    }
  }

  /// Leaves a text where another may look for it.
  static func leave(_ text: String) {
    for directory in directories {
      try? Data(text.utf8).write(to: URL(filePath: "\(directory)/\(file)"))
    }
  }

  private mutating func take(_ content: [UInt8]?, _ wanted: [String: [UInt8]]) {
    guard let content else { return }
    for (name, text) in wanted where Spellings.find(text, in: content) { found.insert(name) }
  }
}
