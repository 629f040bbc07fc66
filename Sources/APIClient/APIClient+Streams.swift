import APIModel
import AgentModel
import Faults
import Framing
import NIOCore

/// A piece of what a program in a sandbox wrote.
package enum ProgramOutput: Hashable, Sendable {
  case standardOutput([UInt8])
  case standardError([UInt8])
}

extension APIClient {
  /// Runs a program in the agent's sandbox until it ends or the calling task is cancelled.
  ///
  /// - Parameters:
  ///   - input: the program's standard input; finish it to close that.
  ///   - output: called in order; a slow callee slows the program down.
  /// - Returns: the program's exit code, 128 + signal when a signal ended it.
  package func exec(
    _ id: AgentID, _ request: ExecRequest, input: AsyncStream<[UInt8]>,
    output: @escaping @Sendable (ProgramOutput) async throws -> Void
  ) async throws -> Int32 {
    let operation = "run \(request.command.first ?? "a program") in agent \(id)"
    let first = Frame(.message, ByteBuffer(bytes: try Body.json(request).bytes))
    let exit = try await transport.stream(
      "\(path(id))/exec", first: first, input: input, operation: operation
    ) { frame in
      switch frame.kind {
      case .standardOutput: try await output(.standardOutput(Array(frame.payload.readableBytesView)))
      case .standardError: try await output(.standardError(Array(frame.payload.readableBytesView)))
      default: break
      }
    }
    guard let exit else {
      throw Fault(
        .unavailable, operation: operation, reason: "the connection ended before the program's exit code came",
        remedy: "look with 'lobstack agent get' whether the agent still runs, and try again")
    }
    return exit
  }

  /// The agent's output: the last `tailBytes`, then what follows until the task is cancelled if `follow`.
  package func logs(
    _ id: AgentID, tailBytes: Int = 64 << 10, follow: Bool = false,
    output: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws {
    _ = try await transport.stream(
      "\(path(id))/logs", query: [("tail", "\(tailBytes)"), ("follow", "\(follow)")],
      operation: "read the logs of agent \(id)"
    ) { frame in
      switch frame.kind {
      case .standardOutput, .standardError: try await output(Array(frame.payload.readableBytesView))
      default: break
      }
    }
  }
}
