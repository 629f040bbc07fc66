import Files
import Glibc
import KernelFiles

/// What a program can read of processes and of files, one after the other: together they may be more than its Pod has memory.
enum ProbePlaces {
  /// Files at most of one search, each of so many bytes.
  static let mostFiles = 20_000
  static let longestFile = 1 << 20

  /// Directories of `/proc` of the processes that are seen.
  static var processes: [String] { names(in: "/proc").filter { Int($0) != nil }.map { "/proc/\($0)" } }

  /// The regular files in a directory. Volumes have theirs in directories whose names begin with two dots, which
  /// `FileManager` leaves out.
  ///
  /// - Parameter deep: those in directories below it, too; links are not followed.
  static func files(in directory: String, deep: Bool, limit: Int = mostFiles) -> [String] {
    var files: [String] = []
    var waiting = [directory]
    while let directory = waiting.popLast() {
      for name in names(in: directory).sorted() {
        guard files.count < limit else { return files }
        let path = "\(directory)/\(name)"
        // Nothing else: whoever opens a pipe may wait for ever.
        guard let status = FileStatus(path) else { continue }
        if status.isRegular { files.append(path) }
        if deep, status.isDirectory { waiting.append(path) }
      }
    }
    return files
  }

  /// - Returns: `nil` for what cannot be read.
  static func content(of file: String) -> [UInt8]? {
    if file.hasPrefix("/proc/"), !file.contains("/root/"), !file.contains("/cwd/") {
      return (try? kernelFile(file)).map { Array($0.utf8) }
    }
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while content.count < longestFile {
      let count = read(descriptor, &piece, piece.count)
      guard count > 0 else { break }
      content += piece.prefix(count)
    }
    return content
  }

  private static func names(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
