import Faults
import Foundation
import Storage

/// A copy of an audit log, to be altered and verified.
struct AuditCopy: Sendable {
  let log: AuditBytes
  private let source: String
  private let directory: String

  init(of source: String, in directory: String) throws {
    self.source = source
    self.directory = directory
    try makeDirectory(directory, mode: 0o700)
    // The checkpoint first: the log may grow meanwhile, and must not be shorter than it says.
    for name in ["checkpoint", "key.pub", "records.log"] {
      try Self.read("\(source)/\(name)").write(to: URL(filePath: "\(directory)/\(name)"))
    }
    log = AuditBytes(Array(try Self.read("\(directory)/records.log")))
  }

  /// Verifies the copy with these bytes as its log.
  func verify(_ bytes: [UInt8]) throws -> AuditVerification {
    try Data(bytes).write(to: URL(filePath: "\(directory)/records.log"))
    return try AuditFile.verify(directory: directory)
  }

  private static func read(_ path: String) throws -> Data {
    do { return try Data(contentsOf: URL(filePath: path)) } catch {
      throw Fault(
        .notFound, operation: "copy the audit log", reason: "\(path) cannot be read",
        remedy: "run verify as root against a platform that has run", cause: error)
    }
  }
}

/// The bytes of `records.log` cut into frames, with nothing verified: kind, length, index, as an attacker would read
/// them. (docs of the format: AuditFrame in the room Storage)
struct AuditBytes: Sendable {
  enum Kind: UInt8, Sendable { case record = 1, seal, start }

  struct Frame: Sendable {
    var kind: Kind
    var index: UInt64
    var range: Range<Int>
  }

  private static let fileHeader = 16
  private static let frameHeader = 16
  private static let hash = 32

  let bytes: [UInt8]
  let frames: [Frame]

  var records: Int { frames.count { $0.kind == .record } }

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var frames: [Frame] = []
    var offset = Self.fileHeader
    while offset + Self.frameHeader + Self.hash <= bytes.count, let kind = Kind(rawValue: bytes[offset]) {
      let length = bytes[(offset + 1)...(offset + 3)].reduce(0) { $0 << 8 | Int($1) }
      let index = bytes[(offset + 4)..<(offset + 12)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let end = offset + Self.frameHeader + length + Self.hash
      guard end <= bytes.count else { break }
      frames.append(Frame(kind: kind, index: index, range: offset..<end))
      offset = end
    }
    self.frames = frames
  }

  /// One bit in the middle of the record's body.
  func flipping(_ frame: Frame) -> [UInt8] {
    var changed = bytes
    let body = (frame.range.lowerBound + Self.frameHeader)..<(frame.range.upperBound - Self.hash)
    changed[(body.lowerBound + body.upperBound) / 2] ^= 1
    return changed
  }

  func dropping(_ frame: Frame) -> [UInt8] {
    Array(bytes[..<frame.range.lowerBound] + bytes[frame.range.upperBound...])
  }

  /// - Parameter other: stands after `frame`.
  func exchanging(_ frame: Frame, _ other: Frame) -> [UInt8] {
    Array(bytes[..<frame.range.lowerBound] + bytes[other.range])
      + bytes[frame.range.upperBound..<other.range.lowerBound] + bytes[frame.range]
      + bytes[other.range.upperBound...]
  }

  func cutting(at frame: Frame) -> [UInt8] { Array(bytes[..<frame.range.lowerBound]) }
}
