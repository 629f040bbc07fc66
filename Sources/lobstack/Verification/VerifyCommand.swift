import AgentModel
import ArgumentParser
import Faults
import Foundation
import Verification

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Attack the platform to prove that its controls hold.",
    discussion: """
      Makes each attack twice: in a throw-away sandbox without the control, where it must work, and in a real agent, \
      where it must not. Needs root. Exit code 0 when everything is proven, 1 when something failed, 3 when something \
      could not be tested.
      """)

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var format: OutputOptions

  @Flag(help: "Take at most a minute.")
  var quick = false

  @Option(
    help: ArgumentHelp("Run only these checks, separated by commas.", valueName: "id,…"),
    transform: { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces).uppercased() } })
  var only: [String] = []

  @Option(help: ArgumentHelp("Also write the report as JUnit XML.", valueName: "file"), completion: .file())
  var junit: String?

  @Option(
    help: ArgumentHelp(
      "Accept that a check is not proven until the end of a day; may be repeated.", valueName: "id=yyyy-mm-dd=reason"),
    transform: parseWaiver)
  var waive: [Waiver] = []

  func run() async throws {
    guard geteuid() == 0 else {
      FileHandle.standardError.write(
        Data("error: verify makes sandboxes and network namespaces of its own, so it must be run as root\n".utf8))
      throw Degraded(code: 3)
    }
    let options = Verify.Options(
      layout: try instance.layout(), isQuick: quick, only: only, waivers: waive,
      today: Date.now.formatted(.iso8601.year().month().day()))
    let report = try await endingOnSignals { try await Verify(options) { tell($0) }.run() }
    try format.print(report) { report.table }
    if let junit { try write(report, to: junit) }
    guard report.exitCode == 0 else { throw Degraded(code: report.exitCode) }
  }

  /// Cancels the work at SIGINT or SIGTERM, so that it cleans up before the program ends.
  private func endingOnSignals<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws
    -> Value
  {
    // Awaited at once, here: a task of its own only so that a signal can cancel it.
    let task = Task { try await body() }
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        tell("ending, and taking away what was made …")
        task.cancel()
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    return try await task.value
  }

  private func write(_ report: VerificationReport, to path: String) throws {
    do {
      try report.junit.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw Fault(
        .failed, operation: "write \(path)", reason: "the file cannot be written",
        remedy: "name a file in a directory that exists", cause: error)
    }
  }
}

@Sendable private func parseWaiver(_ text: String) throws -> Waiver {
  let parts = text.split(separator: "=", maxSplits: 2).map(String.init)
  let isDay = parts.count == 3 && parts[1].count == 10 && parts[1].split(separator: "-").map(\.count) == [4, 2, 2]
  guard isDay else { throw ValidationError("'\(text)' is not ID=YYYY-MM-DD=REASON") }
  return Waiver(check: parts[0].uppercased(), reason: parts[2], lastDay: parts[1])
}
