import APIClient
import APIModel
import Faults
import Foundation
import Logging

/// Tells who asked for what: to the recorder, which keeps it, and on standard output, one line of JSON each. The API
/// server's own audit log knows the control plane alone. What cannot be told is not done.
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
  /// `nil` where only the lines tell.
  var recorder: RecorderClient?
  let logger: Logger

  /// Tells what is about to happen; returns when it is durable.
  func require(_ event: AuditEvent) async throws {
    var event = event
    event.details["request"] = RequestScope.id
    do {
      let operation = "record \(event.action) of \(event.target)"
      try await recorder?.append(AuditSubmission(event), operation: operation)
      let line = try APIJSON.encode(
        Line(
          time: .now, actor: event.actor, action: event.action, target: event.target, outcome: event.outcome,
          details: event.details))
      try write(line + [UInt8(ascii: "\n")])
    } catch let fault as Fault where fault.code == .invalid {
      // This record cannot be written; others can.
      throw fault
    } catch {
      throw Self.refusal(of: event, because: error)
    }
  }

  /// - Returns: `full` when waiting does not help, `throttled` for a share that is used up; anything else passes.
  static func refusal(of event: AuditEvent, because error: any Error) -> Fault {
    let below = error as? Fault
    return Fault(
      below.flatMap { [.full, .throttled].contains($0.code) ? $0.code : nil } ?? .unavailable,
      operation: "record \(event.action) of \(event.target)",
      reason: below.map { "\($0.reason), so the action is refused" }
        ?? "the audit line cannot be written, so the action is refused",
      remedy: below?.remedy ?? "see where the control plane's standard output goes", cause: error)
  }

  /// Does what was told, and tells when it failed after all.
  func carryOut<Value: Sendable>(_ event: AuditEvent, _ body: () async throws -> Value) async throws -> Value {
    try await require(event)
    do { return try await body() } catch {
      var outcome = event
      outcome.outcome = "failed"
      outcome.details["reason"] = ((error as? HTTPFault)?.fault ?? error as? Fault)?.reason ?? "unexpected error"
      await note(outcome)
      throw error
    }
  }

  /// Tells how it ended, also in a task that is cancelled.
  func note(_ event: AuditEvent) async {
    await Task {
      do { try await require(event) } catch {
        logger.error("Outcome not recorded", metadata: ["audit.action": "\(event.action)", "error": "\(error)"])
      }
    }.value
  }

  /// On standard output, whole lines.
  static func standardOutput(_ bytes: [UInt8]) throws {
    try FileHandle.standardOutput.write(contentsOf: Data(bytes))
  }
}

extension AuditSubmission {
  init(_ event: AuditEvent) {
    self.init(
      actor: event.actor, action: event.action, target: event.target, outcome: event.outcome, details: event.details)
  }
}
