import AgentModel
import CLinux
import Faults
import Files
import Foundation
import Framing
import Glibc
import NIOCore

/// An agent's output, a file that only grows by name: what is old is given back to the disk from the front.
///
/// The sandbox appends to the file by itself, so nothing is lost while no Lobstack process runs. Offsets stay valid for
/// ever, because punching a hole (fallocate(2)) frees the disk but keeps the file's size.
struct AgentLog: Sendable {
  /// What is kept, at least; a burst between two trims comes on top.
  static let keptBytes: Int64 = 16 << 20
  /// What it can have on the disk at all: a write over it fails, which only a program meets that prints more between
  /// two trims than most can.
  static let volumeSize = ByteSize(bytes: 64 << 20)
  private static let trimStep: Int64 = 4 << 20
  /// `SEEK_DATA` of lseek(2), which the Glibc module leaves out.
  private static let seekData: Int32 = 3

  let path: String

  /// Frees what is older than the newest `keptBytes`.
  func trim() {
    guard let size = fileSize, size > Self.keptBytes + Self.trimStep else { return }
    let end = (size - Self.keptBytes) / 4096 * 4096
    let file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    // A file system that cannot do it leaves the log whole, which loses nothing; the next trim tries again.
    _ = lobstack_punch_hole(file, 0, off_t(end))
  }

  /// Sends the last `tailBytes`, then, when following, what is added until the task is cancelled.
  func send(
    tailBytes: Int, follow: Bool, to output: @Sendable (Frame) async throws -> Void
  ) async throws {
    let size = fileSize ?? 0
    var offset = max(0, size - Int64(min(tailBytes, Int(Self.keptBytes))))
    guard follow else {
      // An agent that writes as fast as this reads must not keep it for ever.
      _ = try await sendAvailable(from: offset, upTo: size, to: output)
      return
    }
    while true {
      offset = try await sendAvailable(from: offset, upTo: .max, to: output)
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  private func sendAvailable(
    from start: Int64, upTo end: Int64, to output: @Sendable (Frame) async throws -> Void
  ) async throws -> Int64 {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    // Before the first start there is no log, and nothing to send.
    guard file >= 0 else { return start }
    defer { close(file) }
    var offset = start
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while offset < end {
      // Skip what was trimmed, also while this reads: a hole reads as zeroes, which nobody wrote.
      let data = lseek(file, off_t(offset), Self.seekData)
      guard data >= 0 else { return offset }
      offset = max(Int64(data), offset)
      let count = pread(file, &buffer, Int(min(Int64(buffer.count), max(0, end - offset))), off_t(offset))
      guard count > 0 else { return offset }
      offset += Int64(count)
      try await output(Frame(.standardOutput, ByteBuffer(bytes: buffer[..<count])))
    }
    return offset
  }

  private var fileSize: Int64? { FileStatus(following: path).map { Int64($0.size) } }
}
