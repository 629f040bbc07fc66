import APIClient
import APIModel
import AgentModel
import ChildProcess
import Faults
import Files
import Foundation
import Logging

/// Runs `lobstack verify --quick` when the schedule says so, as a child of the supervisor.
///
/// The child is a process of its own, because it takes over orphans and namespaces; its lifeline has it clean up when the
/// supervisor ends, however that is.
actor ScheduledVerifications {
  /// How often the schedule is asked: it reads the recorded runs anew, because people make some, too.
  private static let look = Duration.seconds(10)
  /// A quick run takes a minute; a machine under load some.
  private static let limit = Duration.seconds(600)
  /// For a run that is ended to take away what it made.
  static let stopGrace = Duration.seconds(60)
  private static let cleaningLimit = Duration.seconds(120)
  /// Of the recorded runs those that are looked at. Behind more runs of chosen checks than that the last whole one is not
  /// seen; the attempt of the schedule itself is.
  private static let looksBack = 100

  private let platform: Platform
  /// `nil` when it is off: then only what a killed run left is taken away.
  private let schedule: VerificationSchedule?
  private let program: Child.Program
  private var hasTriedUpgrade = false
  private var told: String?

  private var layout: InstanceLayout { platform.layout }
  private var logger: Logger { platform.logger }

  init(_ platform: Platform, programs: Programs) {
    let configuration = platform.configuration
    self.platform = platform
    schedule = configuration.verifyEvery.seconds.map { VerificationSchedule(interval: TimeInterval($0)) }
    let layout = configuration.layout
    program = Child.Program(
      executable: layout.executable,
      arguments: [
        "verify", "--state-dir", URL(filePath: layout.root).deletingLastPathComponent().path, "--instance",
        "\(layout.instance)", "--runsc", configuration.runtime, "--envoy", programs.envoy, "--openbao",
        programs.openBao,
      ], environment: Command.defaultEnvironment, logFile: layout.logFile("verify").path)
  }

  /// Returns when it is cancelled, after a run that was under way has cleaned up; at once when the schedule is off.
  func run() async {
    let readySince = ContinuousClock.now
    var program: String?
    await clean()
    guard let schedule else { return }
    while !Task.isCancelled {
      do {
        if program == nil { program = try digest(of: layout.executable).sha256 }
        let runs = try await recorded()
        let plan = schedule.next(
          VerificationSchedule.Facts(
            now: .now, uptime: ContinuousClock.now - readySince,
            subject: VerificationSchedule.Subject(version: LobstackVersion.current, program: program),
            runs: runs.compactMap(\.scheduled), attempt: lastAttempt, hasTriedUpgrade: hasTriedUpgrade))
        if plan.at <= .now { try await verify(plan.trigger, known: Set(runs.map(\.id))) }
        told = nil
      } catch {
        tell(error)
      }
      do { try await Task.sleep(for: Self.look) } catch { return }
    }
  }

  private func verify(_ trigger: VerificationTrigger, known: Set<String>) async throws {
    // Somebody's run that is under way need not be a whole one: the schedule's begins after it.
    guard FileLock.note(ofHolderOf: layout.verificationLock) == nil else { return }
    try beginAttempt()
    if trigger == .upgrade { hasTriedUpgrade = true }
    logger.notice("Verification begins", metadata: ["verification.trigger": "\(trigger.rawValue)"])
    let waivers = platform.configuration.verifyWaivers.map { ["--waivers", $0] } ?? []
    let end = try await run(["--quick", "--trigger", trigger.rawValue] + waivers, limit: Self.limit)
    guard !Task.isCancelled else {
      // What the platform's own end cut off is made up for at the next start.
      try? FileManager.default.removeItem(atPath: layout.verificationAttempt)
      return logger.notice("The verification was ended with the platform")
    }
    let made = try await recorded().first { !known.contains($0.id) && $0.trigger == trigger }
    report(made, end: end)
    if made == nil { await clean() }
    // By a clock that does not jump.
    try? await Task.sleep(for: .seconds(VerificationSchedule.shortestPause))  // cancelled: the loop sees it
  }

  /// Takes away what a killed run left, whosever it was: its agents would stay on, and fail.
  private func clean() async {
    guard hasLedger, FileLock.note(ofHolderOf: layout.verificationLock) == nil else { return }
    do {
      let end = try await run(["--clean", "--trigger", "schedule"], limit: Self.cleaningLimit)
      guard !Task.isCancelled else { return }
      logger.log(
        level: hasLedger ? .error : .notice,
        hasLedger
          ? "A verification was killed before; what it left could not be taken away"
          : "A verification was killed before; what it left was taken away",
        metadata: ["verification.end": "\(end)", "log": "\(layout.logFile("verify").path)"])
    } catch {
      tell(error)
    }
  }

  /// Whether there is a list of what a run made and did not take away.
  private var hasLedger: Bool {
    // No run was made yet where there is no directory of them.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(layout.root)/verify")) ?? []
    return names.contains { $0.hasSuffix(".ledger") }
  }

  /// - Returns: how the program ended, at the latest when its time was over.
  private func run(_ arguments: [String], limit: Duration) async throws -> String {
    var program = program
    program.arguments += arguments
    let child = try Child.start(program)
    let deadline = ContinuousClock.now + limit
    while child.status == nil, ContinuousClock.now < deadline {
      do { try await Task.sleep(for: .milliseconds(200)) } catch { break }
    }
    guard child.status == nil else { return child.status.map { "\($0)" } ?? "" }
    try await shielded { await child.stop(grace: Self.stopGrace) }
    return "was ended after \(limit) or with the platform"
  }

  private func report(_ made: VerificationResource?, end: String) {
    guard let made else {
      return logger.error(
        "The verification recorded no result, so nothing is proven",
        metadata: ["verification.end": "\(end)", "log": "\(layout.logFile("verify").path)"])
    }
    let summary = made.summary
    let metadata: Logger.Metadata = [
      "verification.id": "\(made.id)", "verification.proven": "\(summary.proven)",
      "verification.failed": "\(summary.failed)", "verification.notTestable": "\(summary.notTestable)",
    ]
    if summary.failed > 0 {
      logger.error("The verification found controls that do not hold", metadata: metadata)
    } else if summary.notTestable > 0 {
      logger.warning("The verification could not test some controls; all others hold", metadata: metadata)
    } else {
      logger.notice("The verification is over; the controls hold", metadata: metadata)
    }
  }

  private func recorded() async throws -> [VerificationResource] {
    try await platform.withClient { try await $0.verifications(limit: Self.looksBack).items }
  }

  private var lastAttempt: Date? {
    FileStatus(layout.verificationAttempt).map { Date(timeIntervalSince1970: TimeInterval($0.changed[0])) }
  }

  /// On the disk, for the next supervisor if this one dies.
  private func beginAttempt() throws { try writeAtomically(Data(), to: layout.verificationAttempt, mode: 0o600) }

  /// Once for each reason, not every ten seconds.
  private func tell(_ error: any Error) {
    let reason = (error as? Fault)?.reason ?? "\(error)"
    guard reason != told, !Task.isCancelled else { return }
    told = reason
    logger.error("The controls cannot be verified on schedule", metadata: ["error": "\(error)"])
  }
}

extension VerificationResource {
  /// As the schedule sees it; `nil` for a run that left something out on purpose.
  var scheduled: VerificationSchedule.Run? {
    guard ["quick", "full"].contains(tier) else { return nil }
    return VerificationSchedule.Run(
      startedAt: startedAt, subject: VerificationSchedule.Subject(version: version, program: program))
  }
}
