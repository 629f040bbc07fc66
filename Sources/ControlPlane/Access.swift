import APIModel
import AgentModel
import Faults
import Synchronization

/// Decides what a principal may do, and records every refusal; of many of one principal, how many there were.
struct Access: Sendable {
  let audit: AuditTrail
  /// Nobody may fill the disk with what is refused to him.
  private let recorded = RateLimiter(rate: 1, burst: 20)
  private let unrecorded = SuppressedCounts()

  init(audit: AuditTrail) { self.audit = audit }

  /// - Throws: `Fault(.denied)` when the role does not suffice.
  func require(_ permission: Permission, of principal: Principal, operation: String) async throws {
    guard principal.has(permission) else {
      try await refuse(principal, operation: operation, reason: "role")
      let role = principal.role?.rawValue ?? "none"
      throw Fault(
        .denied, operation: operation, reason: "\(principal.name) has the role \(role), which does not allow it",
        remedy: "use a token of a role that does")
    }
  }

  /// Like `require(_:of:operation:)`, for one agent. The agents of other tenants do not exist for a principal that is
  /// bound to a tenant: it gets the very fault that it would get for a name that nobody uses.
  func require(
    _ permission: Permission, on agent: AgentID, of principal: Principal, operation: String
  ) async throws {
    try await require(permission, of: principal, operation: operation)
    guard principal.sees(agent.tenant) else {
      try await refuse(principal, operation: operation, reason: "tenant")
      throw Self.unknown(agent, operation: operation)
    }
  }

  /// - Throws: `Fault(.denied)` for everybody but root at the Unix socket.
  func requireRoot(_ principal: Principal, operation: String) async throws {
    guard principal.kind != .root else { return }
    try await refuse(principal, operation: operation, reason: "role")
    throw Fault(
      .denied, operation: operation, reason: "\(principal.name) is not root at the Unix socket",
      remedy: "run the command as root on the platform's machine")
  }

  /// Records that a principal reached for another tenant.
  func refuseTenant(_ principal: Principal, operation: String) async throws {
    try await refuse(principal, operation: operation, reason: "tenant")
  }

  static func unknown(_ agent: AgentID, operation: String) -> Fault {
    Fault(
      .notFound, operation: operation, reason: "there is no agent \(agent)",
      remedy: "list the agents with 'lobstack agent list'")
  }

  private func refuse(_ principal: Principal, operation: String, reason: String) async throws {
    guard recorded.take(principal.key) == nil else { return unrecorded.add(principal.key) }
    var details = ["reason": reason]
    let before = unrecorded.take(principal.key)
    if before > 0 { details["refusals.before"] = "\(before)" }
    try await audit.require(
      AuditEvent(actor: principal.name, action: "access", target: operation, outcome: "denied", details: details))
  }
}

/// How many refusals of each principal have no record of their own.
private final class SuppressedCounts: Sendable {
  private let counts = Mutex<[String: Int]>([:])

  func add(_ key: String) { counts.withLock { $0[key, default: 0] += 1 } }

  func take(_ key: String) -> Int { counts.withLock { $0.removeValue(forKey: key) ?? 0 } }
}
