import AgentModel
import Faults
import Foundation
import NodeProtocol
import Planning
import Sandbox

/// How sandboxes end, by our will or by their own.
extension Reconciler {
  /// SIGTERM, ten seconds, SIGKILL.
  func stopSandbox(_ id: SandboxID, record: AgentRecord) async throws {
    // What an alert was answered about gets no last words.
    guard record.standingResponse == nil else { return try await machine.runtime.end(id) }
    try await machine.runtime.kill(id, signal: SIGTERM)
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
      if case .ended = states[record.uid]?.sandbox { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    try await machine.runtime.kill(id, signal: SIGKILL)
  }

  func recordExit(_ uid: AgentUID, _ exit: AgentExit?, _ agent: DesiredAgent?) {
    guard var state = states[uid], let agent else { return }
    AgentLog(path: machine.files(uid).log.file).trim()
    state.record.lastExit = exit
    let ran = state.runningSince.map { ContinuousClock.now - $0 } ?? .zero
    let ending = exit.map(describe) ?? "ended, its exit code is not known"
    state.record.lastTermination = "the program \(ending)"
    if Desired(agent).restartPolicy.restarts(after: exit) {
      let delay = state.backOff.delay(afterRunOf: ran)
      state.backOffUntil = .now + delay
      state.record.restarts += 1
      state.phase = .starting
      state.reason = "the program \(ending); it starts again in \(delay.components.seconds) s (restartPolicy)"
      let signal = signal
      Task {  // wakes the loop when the back-off ends; nobody needs to await it
        try? await Task.sleep(for: delay + .milliseconds(10))
        signal.yield()
      }
    } else {
      state.record.completedGeneration = state.record.generation
      let isFailure = exit?.code != 0
      state.phase = isFailure ? .failed : .stopped
      state.reason = "the program \(ending)"
      state.fault =
        isFailure
        ? Fault(
          .failed, operation: "run agent \(state.record.id)", reason: "the program \(ending)",
          remedy: "read 'lobstack agent logs \(state.record.id)' and start the agent again") : nil
      state.record.fault = state.fault
    }
    states[uid] = state
    tellBreach(uid, ending: state.record.lastTermination)
  }

  private func describe(_ exit: AgentExit) -> String {
    if exit.outOfMemory { return "went over its memory limit and was killed by the kernel (out of memory)" }
    return exit.code > 128 ? "was ended by signal \(exit.code - 128)" : "ended with exit code \(exit.code)"
  }

  func watchChild(_ uid: AgentUID, process: Int32) {
    Task { [machine] in  // lives as long as the sandbox; the process's end is its only result
      if let raw = await machine.reaper.exit(of: process) {
        let outOfMemory = machine.runtime.outOfMemory(machine.sandboxID(uid))
        self.ended(uid, process: process, AgentExit(code: raw.exitCode, outOfMemory: outOfMemory))
      } else {
        self.watchAdopted(uid, process: process)
      }
    }
  }

  /// A sandbox that an earlier node started is no child of ours: ask the runtime, which knows the code while it waits.
  func watchAdopted(_ uid: AgentUID, process: Int32) {
    Task { [machine] in
      let code = await machine.runtime.waitForAdopted(machine.sandboxID(uid), process: process)
      let outOfMemory = machine.runtime.outOfMemory(machine.sandboxID(uid))
      let exit = code ?? (outOfMemory ? 137 : nil)
      self.ended(uid, process: process, exit.map { AgentExit(code: $0, outOfMemory: outOfMemory) })
    }
  }

  private func ended(_ uid: AgentUID, process: Int32, _ exit: AgentExit?) {
    guard states[uid]?.record.sandboxProcess == process, states[uid]?.sandbox == .running else { return }
    states[uid]?.sandbox = .ended(exit)
    changed()
    signal.yield()
  }
}
