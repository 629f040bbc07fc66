import ChildProcess
import Foundation
import Glibc
import KernelFiles

/// Sandboxes that another process started: they are no children of ours, so `runsc wait` tells how they end.
extension SandboxRuntime {
  /// Waits for the end of a sandbox that another process started.
  ///
  /// - Returns: The program's exit code; `nil` when the runtime could not tell it any more.
  package func waitForAdopted(_ id: SandboxID, process: Int32) async -> Int32? {
    struct Answer: Decodable { var exitStatus: Int32 }
    // Years: the wait ends with the sandbox. A runtime that cannot tell says so at once, and the code is lost.
    let result = try? await command(["wait", id.description]).run(timeout: .seconds(365 * 86_400))
    if let text = result?.standardOutput, let answer = try? JSONDecoder().decode(Answer.self, from: Data(text.utf8)) {
      return answer.exitStatus
    }
    // No answer while the process lives would start a second sandbox beside it: wait for its real end.
    while Glibc.kill(process, 0) == 0, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(200)) }
    return nil
  }

  /// Ends the waiters of a node that was killed: they would stay beside ours until their sandboxes end.
  package func endStaleWaiters() {
    let root = "--root=\(configuration.rootDirectory)"
    // Without /proc there is nothing to see, and no sandbox to adopt.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    for process in names.compactMap({ Int32($0) }) {
      // What cannot be read any more has ended.
      let line = (try? kernelFile("/proc/\(process)/cmdline")) ?? ""
      let arguments = line.split(separator: "\0").map(String.init)
      guard arguments.first == traits.executable, arguments.contains(root), arguments.dropLast().last == "wait",
        ProcessStatus(process)?.parent != getpid()
      else { continue }
      Glibc.kill(process, SIGKILL)
    }
  }
}
