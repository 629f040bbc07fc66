import APIModel
import AgentModel
import Faults
import Framing
import NIOCore

// Programs that are run in a sandbox for a caller, whatever carries them there.

extension AuditEvent {
  /// Bytes of a command that its record shows at most.
  private static let shownCommand = 512

  /// That a program is run.
  init(run wanted: ExecRequest, in agent: AgentID, uid: String, by principal: Principal) {
    self.init(
      actor: principal.name, action: "agent.exec", target: "agent \(agent)", outcome: "allowed",
      details: [
        "uid": uid, "command": shortened(wanted.command.joined(separator: " "), bytes: Self.shownCommand),
        "env": nameList(wanted.env.keys),
      ])
  }
}

/// Runs a program while its client is there; how it ended goes to `sink`.
///
/// - Parameter program: sends what it writes, and its exit code, to `sink`; cancelled when the client is gone.
/// - Returns: how it ended, for the audit record.
func runProgram(
  _ operation: String, input: ExecInput, sink: StreamSink, _ program: @escaping @Sendable () async throws -> Void
) async -> String {
  do {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await program() }
      // A client that is gone takes its program with it.
      group.addTask { try await input.lost() }
      defer { group.cancelAll() }
      try await group.next()
    }
    guard let code = sink.exitCode else { throw CancellationError() }
    return "exited \(code)"
  } catch let fault as Fault {
    await sink.fail(fault)
    return "failed"
  } catch {
    // A client that has its exit code may leave before the connection to what runs it has ended.
    if let code = sink.exitCode { return "exited \(code)" }
    await sink.fail(
      Fault(.unavailable, operation: operation, reason: "the stream was cut off", remedy: "try again"))
    return "cut off"
  }
}

extension StreamSink {
  /// As much as a frame of a stream has at most.
  private static let longestPiece = 64 << 10

  /// Sends what has any length.
  func send(_ kind: Frame.Kind, _ bytes: ByteBuffer) async throws {
    var bytes = bytes
    while let part = bytes.readSlice(length: min(bytes.readableBytes, Self.longestPiece)), part.readableBytes > 0 {
      try await send(Frame(kind, part))
    }
  }
}
