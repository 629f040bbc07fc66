import APIModel
import Faults
import Foundation
import Synchronization

@testable import ControlPlane

/// An audit log in memory that can refuse.
actor FakeAudit: AuditAppending {
  private(set) var events: [AuditEvent] = []
  /// When the records were written.
  private var times: [Date] = []
  private var refusal: Fault?
  /// The records before this one are archived.
  nonisolated let archived = Mutex<UInt64>(0)

  func refuse(with fault: Fault?) { refusal = fault }

  func append(_ event: AuditEvent) throws -> UInt64 { try append(event, at: .now) }

  func append(_ event: AuditEvent, at time: Date) throws -> UInt64 {
    if let refusal { throw refusal }
    events.append(event)
    times.append(time)
    return UInt64(events.count - 1)
  }

  func page(from index: UInt64, limit: Int) -> [AuditRecordResource] {
    events.indices.dropFirst(Int(index)).prefix(limit).map { number in
      let event = events[number]
      return AuditRecordResource(
        index: UInt64(number), time: times[number], actor: event.actor, action: event.action,
        target: event.target, outcome: event.outcome, details: event.details, leafHash: "00")
    }
  }

  func head() -> PlatformStatus.AuditHead {
    let first = archived.withLock { $0 }
    return PlatformStatus.AuditHead(size: UInt64(events.count), rootHash: "00", first: first > 0 ? first : nil)
  }

  func checkpoint() -> AuditCheckpointResource {
    AuditCheckpointResource(size: UInt64(events.count), rootHash: "00", note: "note", verifierKey: "key")
  }

  func proof(index: UInt64) -> AuditProofResource {
    AuditProofResource(
      record: page(from: index, limit: 1)[0], recordBytes: "", treeSize: UInt64(events.count), rootHash: "00",
      hashes: [], checkpoint: "note", verifierKey: "key")
  }

  nonisolated var byteCount: UInt64 { 0 }

  nonisolated func archive(first size: UInt64, rootHash: String) throws {
    guard rootHash == "00" else {
      throw Fault(.conflict, operation: "archive", reason: "another root", remedy: "none")
    }
    archived.withLock { $0 = size }
  }

  nonisolated func segment(of index: UInt64) -> String? { index < archived.withLock { $0 } ? "records-0" : nil }

  func count(_ action: String, _ outcome: String) -> Int {
    events.count { $0.action == action && $0.outcome == outcome }
  }
}
