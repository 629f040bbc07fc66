import ChildProcess
import Foundation
import Logging

/// Keeps one program of the platform running until it is told to stop.
actor SupervisedProcess {
  nonisolated let name: String
  private let program: Child.Program
  private let processIDFile: String
  /// Files without which it would end at once; another process writes them.
  private let needs: [String]
  private let logger: Logger
  private var child: Child?
  private var isStopping = false
  private var pause: Task<Void, Never>?
  private(set) var starts = 0
  private(set) var lastEnd: String?

  init(name: String, program: Child.Program, processIDFile: String, needs: [String] = [], logger: Logger) {
    self.name = name
    self.program = program
    self.processIDFile = processIDFile
    self.needs = needs
    self.logger = logger
  }

  var process: Int32? { child?.process }

  /// Returns after `stop`, and only then.
  func run() async {
    var delay = RestartDelay()
    while !isStopping {
      await waitForNeeds()
      if isStopping { break }
      let startedAt = ContinuousClock.now
      let end = await runOnce()
      if isStopping { break }
      let wait = delay.afterEnd(lifetime: ContinuousClock.now - startedAt)
      lastEnd = end
      logger.warning(
        "A process of the platform ended; it is started again",
        metadata: ["process.name": "\(name)", "process.end": "\(end)", "restart.delay": "\(wait)"])
      // Cancelled by `stop`, which is when the wait has lost its use.
      let pause = Task { _ = try? await Task.sleep(for: wait) }
      self.pause = pause
      await pause.value
    }
    // A missing file says the same as a stale one that is removed: nothing runs.
    try? FileManager.default.removeItem(atPath: processIDFile)
  }

  func stop() async {
    isStopping = true
    pause?.cancel()
    await child?.stop(grace: .seconds(10))
  }

  private func waitForNeeds() async {
    while !isStopping, !needs.allSatisfy({ FileManager.default.fileExists(atPath: $0) }) {
      // Cancelled by `stop`, as the pause between two starts is.
      let pause = Task { _ = try? await Task.sleep(for: .milliseconds(20)) }
      self.pause = pause
      await pause.value
    }
  }

  private func runOnce() async -> String {
    do {
      let child = try Child.start(program)
      self.child = child
      starts += 1
      // For people and tests; the platform itself does not read it. Whole at each moment, as it is read at any.
      try? Data("\(child.process)\n".utf8).write(to: URL(filePath: processIDFile), options: .atomic)
      logger.info(
        "Started", metadata: ["process.name": "\(name)", "process.id": "\(child.process)"])
      defer { self.child = nil }
      return "\(await child.exit())"
    } catch {
      return "\(error)"
    }
  }
}
