import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc

extension Platform {
  /// Marks the lines of the supervisor's log that tell whoever started it how far it is.
  package static let progressMark = "==> "
  /// How the step begins that follows the start of all processes.
  static let waitingForAPI = "waiting for the API at "

  /// Starts the supervisor in a session of its own and returns when the platform is ready.
  ///
  /// - Parameters:
  ///   - arguments: the command line to run again, without `--detach`.
  ///   - progress: told each step of the supervisor.
  /// - Returns: `.ended` when this call has brought it up.
  /// - Throws: `Fault` with the end of the supervisor's log when it ends or is not ready in time.
  package func detach(
    arguments: [String], progress: @Sendable (String) -> Void
  ) async throws -> Outcome {
    try requireRoot("start the platform")
    try Preparation.makeLockDirectory(layout)
    if let supervisor, await isReady { return .alreadyRunning(supervisor: supervisor) }
    let log = layout.logFile("supervisor")
    try FileManager.default.createDirectory(
      atPath: layout.logDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
    var offset = log.size
    let child = try startDetached(arguments, log: log)
    // The supervisor gives itself a minute for its processes; what comes before takes seconds.
    let limit = Self.readinessLimit + .seconds(30)
    var deadline = ContinuousClock.now + limit
    let start = offset
    var isStarted = false
    while true {
      let status = child.status
      let text = log.text(from: offset)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      for line in lines where line.hasPrefix(Self.progressMark) {
        progress(String(line.dropFirst(Self.progressMark.count)))
      }
      offset += lines.reduce(0) { $0 + $1.utf8.count + 1 }
      isStarted = isStarted || lines.contains { $0.hasPrefix(Self.progressMark + Self.waitingForAPI) }
      // Before that it is the API of a supervisor that was killed, in its last moments.
      if status == nil, isStarted, SupervisorLock.holder(layout) == child.process, await isReady {
        await waitForGateway()
        return .ended
      }
      if let status {
        // Another one had begun in the meantime, and the child has waited for it.
        if status == .exited(0), let supervisor, await isReady { return .alreadyRunning(supervisor: supervisor) }
        throw failure("the supervisor \(status)", log: log, from: start)
      }
      if await isSealed { deadline = ContinuousClock.now + limit }
      if ContinuousClock.now > deadline {
        await child.stop(grace: .zero)
        throw failure("the platform was not ready in time", log: log, from: start)
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func startDetached(_ arguments: [String], log: LogFile) throws -> Child {
    try Child.startDetached(
      Child.Program(
        executable: configuration.executable, arguments: arguments,
        environment: ProcessInfo.processInfo.environment, logFile: log.path))
  }

  private func failure(_ reason: String, log: LogFile, from offset: Int) -> Fault {
    let lines = log.tail(lines: 20, from: offset).split(separator: "\n")
    // The supervisor's own last error says it all; without one, what it logged last has to do.
    if let error = lines.last(where: { $0.hasPrefix("error: ") }) {
      let remedy = lines.last { $0.hasPrefix("remedy: ") }?.dropFirst("remedy: ".count)
      return Fault(
        .failed, operation: "start the platform", reason: "\(reason): \(error.dropFirst("error: ".count))",
        remedy: remedy.map(String.init) ?? "read \(log.path)")
    }
    return Fault(
      .failed, operation: "start the platform",
      reason: "\(reason); its log ends with: \(lines.suffix(5).joined(separator: " | "))",
      remedy: "read \(log.path)")
  }
}
