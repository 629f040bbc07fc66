import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import Logging

extension Platform {
  /// Stops the platform's processes and its agents; workspaces and state stay, and `up` brings the agents back.
  ///
  /// Done when nothing runs, so it can be repeated.
  ///
  /// The agents' programs get SIGTERM and have ten seconds to end.
  package func down(progress: @Sendable (String) -> Void) async throws {
    try await down(grace: 10, progress: progress)
  }

  private func down(grace: Int, progress: @Sendable (String) -> Void) async throws {
    try requireRoot("stop the platform")
    try await stopSupervisor(progress: progress)
    guard FileManager.default.isExecutableFile(atPath: layout.executable) else { return }
    progress("stopping the agents")
    try await drain(grace: grace)
    try await MemoryDirectories(layout: layout).unmount()
  }

  /// Takes the platform down and removes everything of the instance from this machine, its data included.
  ///
  /// - Parameter beforeRemoval: is called when all is down and every file is still there.
  /// - Returns: What was removed, one line each.
  /// - Throws: `Fault(.failed)` naming what is left.
  package func purge(
    progress: @Sendable (String) -> Void, beforeRemoval: () async -> Void = {}
  ) async throws -> [String] {
    try requireRoot("remove the platform")
    let before = try await Leftovers(layout).find()
    do {
      // What the agents would save in that time is removed all the same.
      try await down(grace: 0, progress: progress)
    } catch {
      // What an orderly stop cannot do, the removal below does by force.
      logger.warning("The agents were not stopped in order", metadata: ["error": "\(error)"])
    }
    await beforeRemoval()
    progress("removing what is left of instance \(layout.instance)")
    try await Removal(layout: layout, logger: logger).run()
    let left = try await Leftovers(layout).find()
    guard left.isEmpty else {
      throw Fault(
        .failed, operation: "remove instance \(layout.instance)", reason: "left are: \(left.joined(separator: ", "))",
        remedy: "run 'lobstack down --purge' again, and remove by hand what stays")
    }
    return before
  }

  private func stopSupervisor(progress: @Sendable (String) -> Void) async throws {
    if let supervisor {
      progress("stopping the supervisor, process \(supervisor)")
      kill(supervisor, SIGTERM)
      // Its six processes have 13 seconds each before they are killed, and a verification before them 63.
      try await waitForEnd(of: "the supervisor", limit: .seconds(150)) { SupervisorLock.holder(layout) == nil }
    }
    // Without a supervisor they have seen the end of their lifelines.
    let processes = InstanceProcesses(layout: layout)
    for found in processes.platform() where found.needsSignal { kill(found.process, SIGTERM) }
    do {
      try await waitForEnd(of: "the platform", limit: .seconds(15)) { processes.platform().isEmpty }
    } catch is Fault {
      for found in processes.platform() { kill(found.process, SIGKILL) }
      try await waitForEnd(of: "the platform", limit: .seconds(5)) { processes.platform().isEmpty }
    }
  }

  private func waitForEnd(of what: String, limit: Duration, isOver: () -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while !isOver() {
      guard ContinuousClock.now < deadline else {
        throw Fault(
          .timedOut, operation: "stop the platform", reason: "\(what) did not end within \(limit)",
          remedy: "read \(layout.logDirectory)/supervisor.log, and end the process by hand")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// The node's own code ends the agents, in a process of its own, because only the node knows how. That of the program
  /// which takes the platform down, not of the one that was taken up: the two may be of different versions.
  private func drain(grace: Int) async throws {
    let stateDirectory = URL(filePath: layout.root).deletingLastPathComponent().path
    try await Command(
      configuration.executable,
      [
        "node", "--drain", "--grace", "\(grace)", "--state-dir", stateDirectory, "--instance", "\(layout.instance)",
        "--runsc",
        configuration.runtime,
      ]
    ).check(timeout: .seconds(180))
  }
}
