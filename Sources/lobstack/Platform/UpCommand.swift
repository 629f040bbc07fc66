import APIModel
import AgentModel
import ArgumentParser
import Foundation
import Logging
import Supervision

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Start the platform and keep it running.",
    discussion: """
      Stays in the foreground until Ctrl-C or SIGTERM, which stops the platform's processes and leaves the agents \
      running; with --detach it returns when the platform is ready. 'lobstack down' stops the agents too. Every \
      \(VerificationInterval.default), and when the program is another one than was last verified, it runs 'lobstack verify --quick', whose \
      throw-away agents raise alerts: --verify-every.
      """)

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var options: PlatformOptions

  @Flag(help: "Run in the background; return when the platform is ready.")
  var detach = false

  @OptionGroup var schedule: VerificationScheduleOptions

  func run() async throws {
    let platform = try options.platform(instance, verifyEvery: try schedule.interval(), verifyWaivers: schedule.waivers)
    let outcome: Platform.Outcome
    if detach {
      outcome = try await platform.detach(arguments: try supervisorArguments()) { Self.printLine($0) }
      if outcome == .ended { try await Self.printReady(platform) }
    } else {
      outcome = try await platform.up(
        progress: { Self.printLine($0) },
        ready: { states in
          Self.printLine("ready: instance \(platform.configuration.layout.instance)")
          print(Self.table(states))
          Self.flush()
        })
    }
    if case .alreadyRunning(let supervisor) = outcome {
      print("already running: instance \(platform.configuration.layout.instance), supervised by process \(supervisor)")
    }
  }

  private func supervisorArguments() throws -> [String] {
    let layout = try instance.layout()
    let stateDirectory = URL(filePath: layout.root).deletingLastPathComponent().path
    return ["up", "--state-dir", stateDirectory, "--instance", "\(layout.instance)"] + options.arguments
      + (try schedule.arguments())
  }

  /// Gives what is not needed to take work a moment, so that the first thing a person sees is not half of it.
  private static func printReady(_ platform: Platform) async throws {
    var status = try await platform.status()
    let deadline = ContinuousClock.now + .seconds(3)
    while !status.components.allSatisfy({ $0.state == "ready" }), ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(200))
      status = try await platform.status()
    }
    print(StatusCommand.table(status))
  }

  private static func table(_ states: [ProcessState]) -> String {
    var table = Table("PROCESS", "PID", "USER", "LOG")
    for state in states { table.add(state.name, state.process.map { "\($0)" } ?? "-", state.user, state.log) }
    return table.rendered()
  }

  private static func printLine(_ text: String) {
    print(Platform.progressMark + text)
    flush()
  }

  /// Standard output may be a file that somebody watches.
  private static func flush() { fflush(nil) }
}
