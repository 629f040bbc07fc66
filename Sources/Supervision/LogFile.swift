import Foundation
import Glibc

/// The log of one of the platform's processes: at most twice `longest` on disk, the older half in `<path>.1`.
struct LogFile: Sendable {
  static let longest = 10 << 20

  let path: String

  var size: Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Starts the file anew when it is full. Its writers append (O_APPEND), so they go on at the new beginning; a line
  /// written between the copy and the cut is lost, which a log of bounded size may.
  func rotateIfFull() throws {
    guard size > Self.longest else { return }
    let old = path + ".1"
    // There may be no older half yet.
    try? FileManager.default.removeItem(atPath: old)
    do {
      try FileManager.default.copyItem(atPath: path, toPath: old)
    } catch {
      // On a full disk the newer half goes as well: a log must not keep it full.
      try? FileManager.default.removeItem(atPath: old)
      truncate(path, 0)
      throw error
    }
    truncate(path, 0)
  }

  /// The last lines that were written after byte `offset`.
  func tail(lines: Int, from offset: Int = 0) -> String {
    text(from: max(offset, size - (64 << 10))).split(separator: "\n").suffix(lines).joined(separator: "\n")
  }

  /// What was written after byte `offset`, at most 1 MiB.
  func text(from offset: Int) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: min(max(0, size - offset), 1 << 20))
    let count = pread(file, &bytes, bytes.count, off_t(offset))
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
  }
}
