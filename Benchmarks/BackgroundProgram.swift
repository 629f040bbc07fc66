import ChildProcess
import Foundation

/// A program that runs beside a measurement until it is stopped.
actor BackgroundProgram {
  nonisolated let log: String
  private nonisolated let processFile: String
  private let command: Command
  private var task: Task<Void, Never>?

  /// - Parameter name: of its files in `directory`: `<name>.log` and `<name>.pid`.
  init(
    _ name: String, in directory: String, _ executable: String, _ arguments: [String],
    environment: [String: String] = Command.defaultEnvironment
  ) {
    log = "\(directory)/\(name).log"
    processFile = "\(directory)/\(name).pid"
    command = Command(
      "sh", ["-c", "echo $$ >\"$0\" && exec \"$@\"", processFile, executable] + arguments, environment: environment)
  }

  func start() {
    task = Task { [command, log] in
      // How it ended shows in what is measured of it, and in its log.
      _ = try? await command.run(appendingTo: log, timeout: .seconds(3600))
    }
  }

  func stop() async {
    task?.cancel()
    await task?.value
    task = nil
  }

  /// The program's process id.
  nonisolated func process() throws -> Int32 {
    let text = (try? String(contentsOfFile: processFile, encoding: .utf8)) ?? ""
    guard let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw BenchmarkFailure("\(processFile) holds no process id")
    }
    return process
  }
}

/// Waits until something holds; an error means "not yet".
func eventually(
  _ what: String, within limit: Duration = .seconds(30), log: String? = nil, _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while (try? await condition()) != true {
    guard ContinuousClock.now < end else {
      let text = log.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) } ?? ""
      throw BenchmarkFailure("\(what): not within \(limit); \(text.suffix(600))")
    }
    try await Task.sleep(for: .milliseconds(20))
  }
}

/// A value that a benchmark's own text must parse to.
func parsed<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw BenchmarkFailure("a text of the benchmark's own does not parse") }
  return value
}
