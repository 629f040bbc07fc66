import Deadlines
import Faults
import Glibc
import Subprocess
import SystemPackage

/// Two programs, of which the second reads what the first writes: the bytes pass through the kernel, never through this
/// process, and the first waits while the second is busy.
package struct Pipeline: Sendable {
  let first: Command
  let second: Command

  package init(_ first: Command, into second: Command) {
    self.first = first
    self.second = second
  }

  /// Runs both to their ends.
  ///
  /// - Parameters:
  ///   - input: the first one's standard input.
  ///   - output: what the second one writes goes there, a descriptor of the caller's; `nil` for nowhere.
  /// - Throws: `Fault(.failed)` with what a program said whose exit code is not 0; `Fault(.timedOut)`, after both were
  ///   ended; `Fault(.notFound)` for a program that is not there.
  package func check(input: [UInt8] = [], output: Int32? = nil, timeout: Duration) async throws {
    let ends = try pipe()
    let (firstConfiguration, secondConfiguration): (Configuration, Configuration)
    do {
      (firstConfiguration, secondConfiguration) = (try first.configuration(), try second.configuration())
    } catch {
      try? ends.readEnd.close()  // nothing was written
      try? ends.writeEnd.close()  // as above
      throw error
    }
    let results = try await first.withDeadline(timeout) {
      async let reader = Self.read(secondConfiguration, from: ends.readEnd, to: output)
      async let writer = Self.write(firstConfiguration, input: input, to: ends.writeEnd)
      return (try await writer, try await reader)
    }
    // One that dies takes the other with it: whoever was not ended by a pipe that broke says why.
    let failures = [(first, results.0), (second, results.1)].filter { $0.1.status != .exited(0) }
    guard let (command, result) = failures.first(where: { !$0.1.isOfBrokenPipe }) ?? failures.first else { return }
    throw command.failure(result.status, message: result.standardError)
  }

  private static let errorLimit = 1 << 20

  private static func write(
    _ configuration: Configuration, input: [UInt8], to pipe: FileDescriptor
  ) async throws -> CommandResult {
    let result = try await Subprocess.run(
      configuration, input: .inputWriter, output: .fileDescriptor(pipe, closeAfterSpawningProcess: true),
      error: .bytes(limit: errorLimit)
    ) { await feed(input, to: $0.standardInputWriter) }
    return CommandResult(result.terminationStatus, [], result.standardError)
  }

  private static func read(
    _ configuration: Configuration, from pipe: FileDescriptor, to output: Int32?
  ) async throws -> CommandResult {
    guard let output else {
      let result = try await Subprocess.run(
        configuration, input: .fileDescriptor(pipe, closeAfterSpawningProcess: true), output: .discarded,
        error: .bytes(limit: errorLimit))
      return CommandResult(result.terminationStatus, [], result.standardError)
    }
    let result = try await Subprocess.run(
      configuration, input: .fileDescriptor(pipe, closeAfterSpawningProcess: true),
      output: .fileDescriptor(FileDescriptor(rawValue: output), closeAfterSpawningProcess: false),
      error: .bytes(limit: errorLimit))
    return CommandResult(result.terminationStatus, [], result.standardError)
  }

  /// No other child may inherit an end: its reader would never see the end of the bytes.
  private func pipe() throws -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
    do {
      let ends = try FileDescriptor.pipe()
      for end in [ends.readEnd, ends.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
      return ends
    } catch {
      throw Fault(
        .exhausted, operation: "connect two programs", reason: "there is no descriptor for a pipe",
        remedy: "raise the limit of open files", cause: error)
    }
  }
}

extension CommandResult {
  fileprivate var isOfBrokenPipe: Bool {
    status == .signalled(SIGPIPE) || standardError.lowercased().contains("broken pipe")
  }
}
