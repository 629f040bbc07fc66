import Faults
import Files
import Foundation
import Glibc
import Logging

/// The log of one of the platform's processes: at most twice `longest` on disk, the older half in `<path>.1`.
struct LogFile: Sendable {
  static let longest = 10 << 20

  let path: String

  var size: Int { FileStatus(path)?.size ?? 0 }

  /// Starts the file anew when it is full. Its writers append (O_APPEND), so they go on at the new beginning; a line
  /// written between the copy and the cut is lost, which a log of bounded size may.
  ///
  /// The directory may belong to the writer, who is not trusted: the file is opened once, and it is a regular file of
  /// its own there, or nothing is done.
  func rotateIfFull() throws {
    let file = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      // Not there yet.
      if errno == ENOENT { return }
      throw fault("open it: \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    guard let status = FileStatus(descriptor: file), status.isRegular, status.links == 1 else {
      throw fault("it is no regular file of its own")
    }
    guard status.size > Self.longest else { return }
    // On a full disk the newer half goes as well: a log must not keep it full.
    defer { ftruncate(file, 0) }
    try copy(file, size: status.size)
  }

  /// Does it for several, until the task is cancelled.
  static func rotate(_ files: [LogFile], logger: Logger) async throws {
    while true {
      try await Task.sleep(for: .seconds(2))
      for file in files {
        do {
          try file.rotateIfFull()
        } catch {
          logger.warning("A log cannot be rotated", metadata: ["log": "\(file.path)", "error": "\(error)"])
        }
      }
    }
  }

  private func copy(_ file: Int32, size: Int) throws {
    let old = path + ".1"
    // There may be no older half yet.
    unlink(old)
    let copy = open(old, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o640)
    guard copy >= 0 else { throw fault("make \(old): \(String(cString: strerror(errno)))") }
    defer { close(copy) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    var offset = 0
    while offset < size {
      let count = pread(file, &bytes, bytes.count, off_t(offset))
      if count == 0 { return }
      guard count > 0, write(copy, bytes, count) == count else {
        let reason = String(cString: strerror(errno))
        unlink(old)
        throw fault("copy it: \(reason)")
      }
      offset += count
    }
  }

  private func fault(_ what: String) -> Fault {
    Fault(
      .failed, operation: "rotate \(path)", reason: "cannot \(what)", remedy: "look at the file and its directory")
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
