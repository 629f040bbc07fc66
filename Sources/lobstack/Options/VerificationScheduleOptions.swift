import AgentModel
import ArgumentParser
import Faults
import Foundation

/// When the platform verifies itself.
struct VerificationScheduleOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      How often 'lobstack verify --quick' is run, from 1m to 31d; 'off' for never (default: $LOBSTACK_VERIFY_EVERY or \
      \(VerificationInterval.default)). A platform that was never verified is left alone for ten minutes.
      """, valueName: "time"), transform: parseText)
  var verifyEvery: VerificationInterval?

  @Option(
    help: ArgumentHelp(
      "What these runs accept as not proven: a file as 'verify --waivers' takes, read anew by each.", valueName: "file"),
    completion: .file())
  var verifyWaivers: String?

  /// - Throws: `Fault(.invalid)` when the environment variable breaks the rule.
  func interval() throws -> VerificationInterval {
    if let verifyEvery { return verifyEvery }
    guard let text = ProcessInfo.processInfo.environment["LOBSTACK_VERIFY_EVERY"], !text.isEmpty else {
      return .default
    }
    guard let interval = VerificationInterval(text) else {
      throw Fault(
        .invalid, operation: "read LOBSTACK_VERIFY_EVERY", reason: "'\(text)' is not \(VerificationInterval.rule)",
        remedy: "set it to such a time, or unset it")
    }
    return interval
  }

  var waivers: String? { verifyWaivers.map { URL(filePath: $0).standardizedFileURL.path } }

  /// The same options on another command line.
  func arguments() throws -> [String] {
    ["--verify-every", "\(try interval())"] + (waivers.map { ["--verify-waivers", $0] } ?? [])
  }
}
