import APIModel
import AlertForwarding
import AuditLog
import Faults
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Hands signed checkpoints of the audit log to those who keep them out of the platform's reach.
///
/// Each witness is served by itself and holds up nothing: appends do not wait for it. What a witness gives back is held
/// against the log before it gets more, so that a log which was set back does not run on unnoticed.
struct AuditWitnesses: Service {
  private let served: [ServedWitness]

  /// - Parameter actor: who hands them over, for the log.
  init(
    _ witnesses: [any Witness], log: AuditLogFile, actor: String = "control-plane",
    pace: WitnessProgress.Pace = WitnessProgress.Pace(), logger: Logger
  ) {
    served = witnesses.map { ServedWitness($0, log: log, actor: actor, pace: pace, logger: logger) }
  }

  /// Whether nobody is a witness.
  var isIdle: Bool { served.isEmpty }

  /// Compares the log with what the witnesses have of it.
  ///
  /// - Returns: what to record of each.
  /// - Throws: `Fault(.denied)` when the log does not extend that.
  func compare() async throws -> [AuditEvent] {
    var events: [AuditEvent] = []
    for witness in served { events.append(try await witness.compare()) }
    return events
  }

  /// Ends when it is told to, after one more checkpoint for each; before, when the log does not extend what a witness
  /// gave back that could not be asked at the start.
  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for witness in served { group.addTask { try await witness.run() } }
      try await group.waitForAll()
    }
  }

  /// `nil` when there are none.
  func component() -> PlatformStatus.Component? {
    guard !isIdle else { return nil }
    let states = served.map { ($0.witness.address, $0.state) }
    return PlatformStatus.Component(
      name: "witness", state: states.allSatisfy(\.1.isWell) ? "ready" : "degraded",
      detail: states.map { "\($0): \($1.detail)" }.joined(separator: "; "))
  }
}

/// One witness, and how far it is.
private final class ServedWitness: Sendable {
  /// What is left for the last checkpoint when the platform ends.
  private static let farewell = Duration.seconds(2)

  private struct State {
    var progress: WitnessProgress
    /// Whether the log is known to extend what the witness had.
    var isCompared = false
  }

  let witness: any Witness
  private let log: AuditLogFile
  private let actor: String
  private let logger: Logger
  private let progress: Mutex<State>

  init(_ witness: any Witness, log: AuditLogFile, actor: String, pace: WitnessProgress.Pace, logger: Logger) {
    self.witness = witness
    self.log = log
    self.actor = actor
    self.logger = logger
    progress = Mutex(State(progress: WitnessProgress(pace: pace)))
  }

  var state: (isWell: Bool, detail: String) { progress.withLock { $0.progress.state(now: .now) } }

  func compare() async throws -> AuditEvent {
    var event = AuditEvent(
      actor: actor, action: "audit.witness", target: "witness \(witness.address)", outcome: "allowed")
    do {
      let known = try await compareWithKept()
      event.details["compared"] = known.map { "\($0)" } ?? "it gives nothing back"
      // What gave nothing back, or had nothing yet, vouches for nothing.
      if known ?? 0 == 0 { event.outcome = "uncompared" }
    } catch let fault as Fault where fault.code == .denied {
      throw fault
    } catch {
      // It is asked again before it gets anything.
      event.outcome = "failed"
      event.details["reason"] = shortened((error as? Fault)?.reason ?? "\(error)", bytes: 512)
    }
    return event
  }

  func run() async throws {
    try await cancelWhenGracefulShutdown { try await self.serve() }
    if try await log.head().size > progress.withLock({ $0.progress.size ?? 0 }) {
      // What it does not get now it gets at the next start.
      try? await withDeadline(Self.farewell, operation: "hand over the last checkpoint") { [self] in
        try await handOver()
      }
    }
    await witness.close()
  }

  private func serve() async throws {
    while !Task.isCancelled {
      let size = try await log.head().size
      if progress.withLock({ $0.progress.isDue(logSize: size, now: .now) }) {
        do { try await handOver() } catch let fault as Fault where fault.code == .denied {
          logger.critical("The audit log does not extend what its witness has", metadata: ["error": "\(fault)"])
          throw fault
        } catch {
          guard !Task.isCancelled else { return }
          failed(error)
        }
      }
      // Cancelled: the platform ends.
      do { try await Task.sleep(for: progress.withLock { $0.progress.pause }) } catch { return }
    }
  }

  private func handOver() async throws {
    if progress.withLock({ !$0.isCompared }) { _ = try await compareWithKept() }
    let checkpoint = try await log.checkpoint()
    try await witness.keep(checkpoint.note, at: .now)
    let failures = progress.withLock { state in
      defer { state.progress.took(size: checkpoint.size, now: .now) }
      return state.progress.failures
    }
    if failures > 0 { logger.info("A witness is back", metadata: ["witness": "\(witness.address)"]) }
  }

  /// - Returns: checkpoints that the log extends; `nil` when the witness gives nothing back.
  private func compareWithKept() async throws -> Int? {
    var count: Int?
    if let kept = try await witness.kept() { count = try await log.extends(kept) }
    progress.withLock { $0.isCompared = true }
    return count
  }

  private func failed(_ error: any Error) {
    let fault = Fault.wrap(error, operation: "hand over a checkpoint", remedy: "see the witness")
    let isFirst = progress.withLock { state in
      state.progress.failed("\(fault.reason); \(fault.remedy)")
      return state.progress.failures == 1
    }
    guard isFirst else { return }
    logger.warning(
      "A witness does not get checkpoints", metadata: ["witness": "\(witness.address)", "error": "\(fault)"])
  }
}
