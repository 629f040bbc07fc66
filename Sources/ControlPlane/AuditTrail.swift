import APIModel
import Faults
import FoundationEssentials
import Instruments
import Logging
import Synchronization

/// What happened, or is about to. Holds no secret and no value of an environment variable.
package struct AuditEvent: Hashable, Sendable {
  package var actor: String
  package var action: String
  package var target: String
  package var outcome: String
  package var details: [String: String]

  package init(actor: String, action: String, target: String, outcome: String, details: [String: String] = [:]) {
    self.actor = actor
    self.action = action
    self.target = target
    self.outcome = outcome
    self.details = details
  }
}

/// The audit log as the control plane needs it. Tests stand in for it with a list that can refuse.
package protocol AuditAppending: Sendable {
  /// - Returns: the record's index, once the record is durable.
  func append(_ event: AuditEvent) async throws -> UInt64
  func page(from index: UInt64, limit: Int) async throws -> [AuditRecordResource]
  func head() async throws -> PlatformStatus.AuditHead
  /// How long the log is on the disk.
  var byteCount: UInt64 { get }
  func checkpoint() async throws -> AuditCheckpointResource
  func proof(index: UInt64) async throws -> AuditProofResource
  /// Lets go of the first records, so many, which lie in a segment.
  func archive(first size: UInt64, rootHash: String) async throws
  /// The name of the segment that an archived record lies in; `nil` for others.
  func segment(of index: UInt64) -> String?
}

/// The beginning of a text, at most so many bytes of UTF-8: one character alone can have more than a record.
func shortened(_ text: String, bytes: Int) -> String {
  text.utf8.count <= bytes ? text : String(decoding: text.utf8.prefix(bytes), as: UTF8.self)
}

/// Writes audit records and knows whether the last one could be written.
final class AuditTrail: Sendable {
  let log: any AuditAppending
  let metrics = AuditMetrics()
  private let logger: Logger
  private let lastFailure = Mutex<Fault?>(nil)

  init(log: any AuditAppending, logger: Logger) {
    self.log = log
    self.logger = logger
  }

  /// Why the log cannot be written; `nil` when the last record was.
  var failure: Fault? { lastFailure.withLock { $0 } }

  /// Records what is about to happen, with the request that it is about to happen for. When this throws, it must not
  /// happen.
  @discardableResult
  func require(_ event: AuditEvent) async throws -> UInt64 {
    var event = event
    // Of a record that is handed on it is the one that it was made for.
    if event.details["request"] == nil { event.details["request"] = RequestScope.id }
    let start = ContinuousClock.now
    do {
      let index = try await log.append(event)
      metrics.appends.observe(.now - start)
      lastFailure.withLock { $0 = nil }
      return index
    } catch let fault as Fault where fault.code == .invalid {
      // This record cannot be written; the log can.
      throw fault
    } catch {
      metrics.failures.add()
      let below = error as? Fault
      let fault = Fault(
        below?.code == .exhausted ? .exhausted : .unavailable, operation: "record \(event.action) of \(event.target)",
        reason: "the audit log cannot be written, so the action is refused",
        remedy: "free space below the state directory, or see the control plane's log", cause: error)
      lastFailure.withLock { $0 = fault }
      throw fault
    }
  }

  /// Records how something ended that was recorded before it began; it has happened, so a failure can only be told.
  func note(_ event: AuditEvent) async {
    do { try await require(event) } catch {
      logger.error(
        "Outcome not recorded", metadata: ["audit.action": "\(event.action)", "error": "\(error)"])
    }
  }
}

extension AuditTrail {
  /// Lets go of records that lie in a segment, which is recorded before and after.
  ///
  /// - Parameter actor: who vouches for the segment.
  /// - Returns: the index of the record that tells of it.
  /// - Throws: what keeps the log from it; then it is as it was.
  func archive(_ archiving: AuditArchiving, by actor: String) async throws -> UInt64 {
    var event = AuditEvent(
      actor: actor, action: "audit.archive", target: "records before \(archiving.records)", outcome: "allowed",
      details: ["root": shortened(archiving.rootHash, bytes: 64), "segment": archiving.segment])
    let index = try await require(event)
    do {
      try await log.archive(first: archiving.records, rootHash: archiving.rootHash)
    } catch {
      event.outcome = "failed"
      event.details["reason"] = shortened((error as? Fault)?.reason ?? "\(error)", bytes: 512)
      await note(event)
      throw error
    }
    event.outcome = "archived"
    await note(event)
    return index
  }
}
