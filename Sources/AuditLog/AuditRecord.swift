import Faults
import FoundationEssentials

/// One thing that happened: who did what to what, and how it ended.
///
/// What is hashed is `canonicalBytes()`, bytes that this file defines, never what some encoder of the day gives.
package struct AuditRecord: Sendable, Hashable {
  /// Nanoseconds since 1970, UTC.
  package var time: Int64
  /// Who: "token ops-laptop", "uid 0", "node".
  package var actor: String
  /// What was done: "agent.create".
  package var action: String
  /// What it was done to: "agent acme/support-bot".
  package var target: String
  /// `allowed`, `denied`, `failed`, or a phase reached.
  package var outcome: String
  package var details: [String: String]

  /// - Parameter date: kept to the microsecond, which is as much as the clock's number tells.
  package init(
    at date: Date, actor: String, action: String, target: String, outcome: String, details: [String: String] = [:]
  ) {
    self.init(
      time: Self.nanoseconds(date), actor: actor, action: action, target: target, outcome: outcome, details: details)
  }

  /// The time of a record at this date: the nearest that a record can have, which are the years 1677 to 2262.
  package static func nanoseconds(_ date: Date) -> Int64 {
    let microseconds = (date.timeIntervalSince1970 * 1_000_000).rounded()
    let (nanoseconds, isOver) = Int64(exactly: microseconds)?.multipliedReportingOverflow(by: 1_000) ?? (0, true)
    guard isOver else { return nanoseconds }
    return microseconds < 0 ? .min : .max
  }

  package init(
    time: Int64, actor: String, action: String, target: String, outcome: String, details: [String: String] = [:]
  ) {
    self.time = time
    self.actor = actor
    self.action = action
    self.target = target
    self.outcome = outcome
    self.details = details
  }
}

/// The canonical bytes, all integers big-endian:
///
///     u8   version, 1
///     i64  time
///     4 ×  u16 length, UTF-8      actor, action, target, outcome
///     u16  number of details
///     n ×  u16 length, UTF-8 key; u16 length, UTF-8 value
///                                 keys ascending by their bytes, none twice
///
/// One record has one such form, and one form is one record: whatever else decodes to it is refused.
extension AuditRecord {
  /// The longest canonical form, in bytes.
  package static let byteLimit = 64 * 1024
  private static let version: UInt8 = 1

  /// - Throws: `Fault(.invalid)` when the form is longer than `byteLimit`.
  package func canonicalBytes() throws -> [UInt8] {
    let fields = [actor, action, target, outcome]
    let count =
      11 + fields.reduce(0) { $0 + 2 + $1.utf8.count }
      + details.reduce(0) { $0 + 4 + $1.key.utf8.count + $1.value.utf8.count }
    guard count <= AuditRecord.byteLimit else {
      throw Fault(
        .invalid, operation: "encode the audit record of \(action.prefix(64))",
        reason: "it takes \(count) bytes, the limit is \(AuditRecord.byteLimit)", remedy: "shorten its details")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    bytes.append(AuditRecord.version)
    bytes.append(bigEndian: time)
    for field in fields { bytes.append(field: field) }
    // The limit keeps every length and the number of details below 2^16.
    bytes.append(bigEndian: UInt16(details.count))
    for (key, value) in details.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      bytes.append(field: key)
      bytes.append(field: value)
    }
    return bytes
  }

  /// Reads the canonical form and nothing else.
  ///
  /// - Throws: `Fault(.invalid)` with the offset for an unknown version, a wrong length, invalid UTF-8, keys that are
  ///   unsorted or twice there, bytes after the end, more than `byteLimit` bytes.
  package init(canonicalBytes bytes: [UInt8]) throws {
    var reader = CanonicalReader(bytes)
    guard bytes.count <= AuditRecord.byteLimit else {
      throw reader.fault("it takes \(bytes.count) bytes, the limit is \(AuditRecord.byteLimit)")
    }
    let version = try reader.integer(UInt8.self)
    guard version == AuditRecord.version else { throw reader.fault("version \(version) is unknown") }
    let time = try reader.integer(Int64.self)
    let actor = try reader.field()
    let action = try reader.field()
    let target = try reader.field()
    let outcome = try reader.field()
    var details: [String: String] = [:]
    var previous: String?
    for _ in 0..<(try reader.integer(UInt16.self)) {
      let key = try reader.field()
      if let previous, !previous.utf8.lexicographicallyPrecedes(key.utf8) {
        throw reader.fault("its detail keys are not in ascending order")
      }
      previous = key
      // Strings that differ in bytes can still be equal to Swift ("é" composed and decomposed).
      guard details.updateValue(try reader.field(), forKey: key) == nil else {
        throw reader.fault("a detail key is there twice")
      }
    }
    guard reader.isAtEnd else { throw reader.fault("bytes follow its end") }
    self.init(time: time, actor: actor, action: action, target: target, outcome: outcome, details: details)
  }
}

/// Reads integers and fields from the front, and never past the end.
private struct CanonicalReader {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { offset == bytes.count }

  mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type) throws -> Integer {
    let value = try take(Integer.bitWidth / 8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Integer(truncatingIfNeeded: value)
  }

  mutating func field() throws -> String {
    let start = offset
    guard let text = String(validating: try take(Int(integer(UInt16.self))), as: UTF8.self) else {
      offset = start
      throw fault("a field is not UTF-8")
    }
    return text
  }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard bytes.count - offset >= count else { throw fault("it ends inside a field") }
    defer { offset += count }
    return bytes[offset..<(offset + count)]
  }

  func fault(_ reason: String) -> Fault {
    Fault(
      .invalid, operation: "decode an audit record", reason: "\(reason) (byte \(offset))",
      remedy: "run lobstack audit verify to find what changed the record")
  }
}

extension [UInt8] {
  fileprivate mutating func append(bigEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  fileprivate mutating func append(field text: String) {
    append(bigEndian: UInt16(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}
