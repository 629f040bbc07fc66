import Deadlines
import Faults
import Glibc
import Subprocess
import SystemPackage

/// A program with its arguments and its whole environment; nothing is inherited, nothing passes through a shell.
///
/// Every child leads a process group of its own in this process's session: so whoever reaps orphans can tell it from
/// what it leaves behind, and ending it ends what it started.
package struct Command: Sendable {
  package static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  package static let defaultEnvironment = ["PATH": searchPath, "LANG": "C.UTF-8"]

  package let executable: String
  package let arguments: [String]
  package let environment: [String: String]
  package let directory: String?

  /// `executable` is an absolute path, or a bare name that is looked up in `searchPath`.
  package init(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = Command.defaultEnvironment,
    directory: String? = nil
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
  }

  /// The path that a name leads to, as a shell would find it; `nil` when there is no such program.
  package static func locate(_ name: String) -> String? {
    if name.hasPrefix("/") { return access(name, X_OK) == 0 ? name : nil }
    return searchPath.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// Runs the program to its end with bounded time and output.
  ///
  /// Standard output and standard error may each have `outputLimit` bytes.
  ///
  /// - Returns: The result, whatever the exit status.
  /// - Throws: `Fault(.notFound)` when there is no such program; `Fault(.timedOut)`, after the process was ended;
  ///   `Fault(.failed)` when the output is over its limit.
  package func run(
    input: [UInt8] = [], timeout: Duration = .seconds(30), outputLimit: Int = 4 << 20
  ) async throws -> CommandResult {
    let configuration = try configuration()
    return try await withDeadline(timeout) {
      guard !input.isEmpty else {
        let result = try await Subprocess.run(
          configuration, input: .none, output: .bytes(limit: outputLimit), error: .bytes(limit: outputLimit))
        return CommandResult(result.terminationStatus, result.standardOutput, result.standardError)
      }
      let result = try await Subprocess.run(
        configuration, input: .inputWriter, output: .bytes(limit: outputLimit), error: .bytes(limit: outputLimit)
      ) { await feed(input, to: $0.standardInputWriter) }
      return CommandResult(result.terminationStatus, result.standardOutput, result.standardError)
    }
  }

  /// Runs the program and expects success.
  ///
  /// - Returns: Its standard output.
  /// - Throws: As `run`, and `Fault(.failed)` with the end of its standard error when its exit code is not 0.
  @discardableResult
  package func check(input: [UInt8] = [], timeout: Duration = .seconds(30)) async throws -> String {
    let result = try await run(input: input, timeout: timeout)
    guard result.status == .exited(0) else {
      let message = result.standardError.isEmpty ? result.standardOutput : result.standardError
      throw failure(result.status, message: message)
    }
    return result.standardOutput
  }

  /// Runs the program with standard output and error appended to a file, which what it leaves behind may keep.
  ///
  /// - Throws: As `run`, and `Fault(.exhausted)` when the file cannot be opened.
  package func run(
    input: [UInt8] = [], appendingTo path: String, timeout: Duration = .seconds(30)
  ) async throws -> ExitStatus {
    let configuration = try configuration()
    let file: FileDescriptor
    do {
      file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .append, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead])
    } catch {
      throw Fault(
        .exhausted, operation: "open \(path)", reason: "the file cannot be opened for writing",
        remedy: "free disk space or mend the file system", cause: error)
    }
    defer { try? file.close() }  // the program has its own copy; ours holds nothing unwritten
    return try await withDeadline(timeout) {
      guard input.isEmpty else {
        let result = try await Subprocess.run(
          configuration, input: .inputWriter, output: .fileDescriptor(file, closeAfterSpawningProcess: false),
          error: .fileDescriptor(file, closeAfterSpawningProcess: false)
        ) { await feed(input, to: $0.standardInputWriter) }
        return ExitStatus(result.terminationStatus)
      }
      let result = try await Subprocess.run(
        configuration, input: .none, output: .fileDescriptor(file, closeAfterSpawningProcess: false),
        error: .fileDescriptor(file, closeAfterSpawningProcess: false))
      return ExitStatus(result.terminationStatus)
    }
  }

  /// Runs the program until it ends or the caller is cancelled, handing its output on as it comes.
  ///
  /// Back-pressure: the program waits while `output` works. Cancelling ends the program, and so does `timeout`.
  ///
  /// - Throws: `Fault(.timedOut)` besides what `output` throws.
  package func stream(
    input: AsyncStream<[UInt8]>, timeout: Duration,
    output: @escaping @Sendable (OutputPiece) async throws -> Void
  ) async throws -> ExitStatus {
    try await withDeadline(timeout) { try await stream(input: input, output: output) }
  }

  /// As above, for as long as it takes.
  package func stream(
    input: AsyncStream<[UInt8]>, output: @escaping @Sendable (OutputPiece) async throws -> Void
  ) async throws -> ExitStatus {
    ignoreBrokenPipes()
    let result = try await Subprocess.run(
      try configuration(), input: .inputWriter, output: .sequence, error: .sequence
    ) { execution in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
          for await bytes in input {
            do {
              _ = try await execution.standardInputWriter.write(bytes)
            } catch {
              break  // The program closed its standard input; that is its right, and what follows has no reader.
            }
          }
          try? await execution.standardInputWriter.finish()  // closed already when the program closed it
          return false
        }
        group.addTask {
          for try await buffer in execution.standardOutput {
            try await output(.standardOutput(buffer.withUnsafeBytes { Array($0) }))
          }
          return true
        }
        group.addTask {
          for try await buffer in execution.standardError {
            try await output(.standardError(buffer.withUnsafeBytes { Array($0) }))
          }
          return true
        }
        // Both outputs ended: whether more input would come does not matter any more.
        var open = 2
        while open > 0, let isOutput = try await group.next() { open -= isOutput ? 1 : 0 }
        group.cancelAll()
      }
    }
    try Task.checkCancellation()
    return ExitStatus(result.terminationStatus)
  }

  func configuration() throws -> Configuration {
    guard let path = Self.locate(executable) else {
      throw Fault(
        .notFound, operation: "run \(executable)", reason: "the program is absent or not executable",
        remedy: "install it with scripts/setup")
    }
    var options = PlatformOptions()
    options.processGroupID = 0  // its own
    options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))]
    return Configuration(
      executable: .path(FilePath(path)), arguments: Arguments(arguments),
      environment: .custom(
        Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) })),
      workingDirectory: directory.map { FilePath($0) }, platformOptions: options)
  }

  func failure(_ status: ExitStatus, message: String) -> Fault {
    let lines = message.split(separator: "\n").suffix(3).joined(separator: "; ")
    return Fault(
      .failed, operation: "run \(summary)", reason: "it \(status)\(lines.isEmpty ? "" : ": \(lines.suffix(600))")",
      remedy: "mend what it names and try again")
  }

  /// The program with its first arguments, for messages; later ones may be long.
  private var summary: String { ([executable] + arguments.prefix(4)).joined(separator: " ") }

  func withDeadline<Value: Sendable>(
    _ timeout: Duration, _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    do {
      return try await Deadlines.withDeadline(
        timeout,
        orThrow: Fault(
          .timedOut, operation: "run \(summary)", reason: "it did not end within \(timeout)",
          remedy: "check the load of the machine and try again"), work)
    } catch let error as SubprocessError {
      throw Fault(
        .failed, operation: "run \(summary)", reason: "\(error)", remedy: "check the program and the machine's limits")
    }
  }
}

/// Writes all of a program's standard input.
///
/// Not by `.array(input)`: when the program does not read it all, Subprocess 1.0.2 leaves the pipe open and its own
/// assertion ends this process.
func feed(_ input: [UInt8], to writer: StandardInputWriter) async {
  ignoreBrokenPipes()
  // What the program did not want to read is its own affair; how it ended is what counts.
  _ = try? await writer.write(input)
  try? await writer.finish()
}

/// A program that stops reading its input must be an error of the write, not the end of this process: a program inside
/// a sandbox could choose that moment. Subprocess gives its children the default disposition back.
private func ignoreBrokenPipes() { _ = brokenPipesAreIgnored }

private let brokenPipesAreIgnored: Bool = {
  signal(SIGPIPE, SIG_IGN)
  return true
}()
