import APIModel
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
      where it must not. The report is recorded, with its digest in the audit log. Needs root. Exit code 0 when everything is proven, 1 when something failed, 3 when something \
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

  @Option(help: ArgumentHelp("Also write the report as SARIF 2.1.0.", valueName: "file"), completion: .file())
  var sarif: String?

  @Option(help: ArgumentHelp("Also write the report as Markdown.", valueName: "file"), completion: .file())
  var markdown: String?

  @Option(
    help: ArgumentHelp(
      "Accept that a check is not proven until the end of a day; may be repeated.",
      valueName: "id=yyyy-mm-dd=owner=reason"), transform: parseWaiver)
  var waive: [Waiver] = []

  @Option(
    help: ArgumentHelp(
      "Accept what this file names: YAML with a list 'waivers', each with check, owner, reason and expires.",
      valueName: "file"), completion: .file())
  var waivers: String?

  func run() async throws {
    guard geteuid() == 0 else {
      FileHandle.standardError.write(
        Data("error: verify makes sandboxes and network namespaces of its own, so it must be run as root\n".utf8))
      throw Degraded(code: 3)
    }
    let options = Verify.Options(
      layout: try instance.layout(), isQuick: quick, only: only, waivers: try allWaivers(),
      today: Date.now.formatted(.iso8601.year().month().day()))
    let progress = ProgressLines()
    defer { progress.end() }
    let report = try await endingOnSignals { try await Verify(options) { progress.take($0) }.run() }
    progress.end()
    try format.print(report) { report.table }
    if let junit { try NamedFile.write(Data(report.junit.utf8), to: junit) }
    if let sarif { try NamedFile.write(Data(try report.sarif(version: LobstackVersion.current).utf8), to: sarif) }
    if let markdown { try NamedFile.write(Data(report.markdown.utf8), to: markdown) }
    do {
      let record = try await Verify.record(report, of: options.layout)
      tell("recorded as \(record.id), in audit record \(record.auditIndex)")
    } catch  where report.exitCode != 0 {
      tell("not recorded: \(error)")
    }
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

  private func allWaivers() throws -> [Waiver] {
    guard let waivers else { return waive }
    return try waive + Waiver.all(in: try NamedFile.text(of: waivers, longest: 1 << 20), source: waivers)
  }
}

@Sendable private func parseWaiver(_ text: String) throws -> Waiver {
  let parts = text.split(separator: "=", maxSplits: 3).map(String.init)
  guard parts.count == 4 else { throw ValidationError("'\(text)' is not ID=YYYY-MM-DD=OWNER=REASON") }
  do { return try Waiver(check: parts[0], owner: parts[2], reason: parts[3], expires: parts[1]) } catch let fault
    as Fault
  {
    throw ValidationError("'\(text)': \(fault.reason); \(fault.remedy)")
  }
}
