import AgentModel
import Dispatch
import Faults
import Foundation
import Glibc
import Logging
import Synchronization

/// Runs one of the platform's processes until its supervisor lets go of it.
///
/// Standard input is the lifeline: at its end the supervisor is gone or wants this process gone, and the service is
/// cancelled. SIGTERM says the same. A terminal or a file as standard input is no lifeline.
enum ServiceRun {
  /// - Parameter metadata: what each record says beside, by what its task does.
  static func logger(
    _ name: String, _ format: LogFormat = .text, metadata: Logger.MetadataProvider? = nil
  ) -> Logger {
    LoggingSystem.bootstrap({ label, metadata in format.handler(label, metadata) }, metadataProvider: metadata)
    return Logger(label: "lobstack.\(name)")
  }

  static func run(_ name: String, _ service: @escaping @Sendable () async throws -> Void) async throws {
    let (ends, end) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    Lifeline.watch { end.yield() }
    let signal = watchTermination(end)
    defer { signal.cancel() }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await service()
        return true
      }
      group.addTask {
        for await _ in ends { break }
        return false
      }
      let endedByItself = try await group.next() ?? true
      group.cancelAll()
      if endedByItself {
        throw Fault(
          .failed, operation: "run the \(name)", reason: "it ended by itself", remedy: "read its log and report it")
      }
      do { try await group.waitForAll() } catch is CancellationError {}
    }
  }

  private static func watchTermination(_ end: AsyncStream<Void>.Continuation) -> any DispatchSourceSignal {
    signal(SIGTERM, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: SIGTERM)
    source.setEventHandler { end.yield() }
    source.activate()
    return source
  }
}
