import ChildProcess
import Faults

extension SandboxRuntime {
  /// Begins the sandbox's trace session anew: gVisor does not connect again by itself.
  ///
  /// - Parameter configuration: file of the session.
  /// - Throws: `Fault(.failed)` with runsc's own words.
  package func trace(_ id: SandboxID, configuration: String) async throws {
    let result = try await command(["trace", "create", "-force", "-config", configuration, id.description])
      .run(timeout: .seconds(10))
    guard result.status != .exited(0) else { return }
    throw Fault(
      .failed, operation: "trace sandbox \(id)", reason: result.standardError, remedy: "see the log of the sentinel")
  }
}
