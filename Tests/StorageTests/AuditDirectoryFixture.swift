import AuditLog
import Foundation
import Storage
import Testing

/// A directory of its own for one test, gone afterwards.
final class AuditDirectoryFixture: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/lobstack-audit-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  // Losing the error is right: what is left behind is a temporary file.
  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The log's own directory.
  var log: String { "\(path)/audit" }

  func bytes(_ file: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(log)/\(file)")))
  }

  func write(_ bytes: [UInt8], to file: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(log)/\(file)"))
  }

  /// The files as a machine that loses power now would find them.
  func copyOfLog() throws -> AuditDirectoryFixture {
    let copy = try AuditDirectoryFixture()
    try FileManager.default.copyItem(atPath: log, toPath: copy.log)
    return copy
  }

  /// A directory for segments, which must be closed to others whatever the umask is.
  func makeArchive() throws -> String {
    let archive = "\(path)/archive"
    try FileManager.default.createDirectory(
      atPath: archive, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    return archive
  }

  static func record(_ number: Int) -> AuditRecord {
    AuditRecord(
      time: Int64(number), actor: "uid 0", action: "agent.create", target: "agent acme/bot-\(number)",
      outcome: "allowed", details: ["number": "\(number)"])
  }

  /// A closed log with records 0..<count; `batch` of them share one seal.
  func fill(_ count: Int, batch: Int = 1) async throws {
    let file = try await AuditFile.open(directory: log)
    for start in stride(from: 0, to: count, by: batch) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in start..<min(start + batch, count) {
          group.addTask { _ = try await file.append(AuditDirectoryFixture.record(number)) }
        }
        try await group.waitForAll()
      }
    }
    try await file.close()
  }

  /// Where each frame of `records.log` begins and ends, read without the code under test.
  func frames() throws -> [Frame] {
    let bytes = try bytes("records.log")
    var frames: [Frame] = []
    var offset = 16
    while offset < bytes.count {
      let length = bytes[(offset + 1)..<(offset + 4)].reduce(0) { $0 << 8 | Int($1) }
      let index = bytes[(offset + 4)..<(offset + 12)].reduce(0) { $0 << 8 | Int($1) }
      let end = offset + 16 + length + 32
      frames.append(Frame(isSeal: bytes[offset] == 2, index: index, range: offset..<end))
      offset = end
    }
    return frames
  }

  struct Frame {
    var isSeal: Bool
    var index: Int
    var range: Range<Int>
  }
}
