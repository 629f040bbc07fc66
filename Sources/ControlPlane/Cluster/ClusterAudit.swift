import APIModel
import Faults
import Foundation
import Logging

/// Tells on standard output who asked for what, one line of JSON each: the API server's own audit log knows the control
/// plane alone. What cannot be told is not done.
struct ClusterAudit: Sendable {
  private struct Line: Encodable {
    var time: Date
    var actor: String
    var action: String
    var target: String
    var outcome: String
    var details: [String: String]
  }

  let write: @Sendable ([UInt8]) throws -> Void
  let logger: Logger

  /// Tells what is about to happen.
  func require(_ event: AuditEvent) throws {
    var details = event.details
    if let request = RequestScope.id { details["request"] = request }
    do {
      let line = try APIJSON.encode(
        Line(
          time: .now, actor: event.actor, action: event.action, target: event.target, outcome: event.outcome,
          details: details))
      try write(line + [UInt8(ascii: "\n")])
    } catch {
      throw Fault(
        .unavailable, operation: "record \(event.action) of \(event.target)",
        reason: "the audit line cannot be written, so the action is refused",
        remedy: "see where the control plane's standard output goes", cause: error)
    }
  }

  /// Does what was told, and tells when it failed after all.
  func carryOut<Value: Sendable>(_ event: AuditEvent, _ body: () async throws -> Value) async throws -> Value {
    try require(event)
    do { return try await body() } catch {
      var outcome = event
      outcome.outcome = "failed"
      outcome.details["reason"] = ((error as? HTTPFault)?.fault ?? error as? Fault)?.reason ?? "unexpected error"
      note(outcome)
      throw error
    }
  }

  /// Tells how it ended.
  func note(_ event: AuditEvent) {
    do { try require(event) } catch {
      logger.error("Outcome not recorded", metadata: ["audit.action": "\(event.action)", "error": "\(error)"])
    }
  }

  /// On standard output, whole lines.
  static func standardOutput(_ bytes: [UInt8]) throws {
    try FileHandle.standardOutput.write(contentsOf: Data(bytes))
  }
}
