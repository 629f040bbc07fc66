import ArgumentParser
import ClusterVerification
import Foundation

/// What `lobstack verify --target kubernetes` has its Pods run.
struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe", abstract: "Attack from within a Pod, as a plan says.", shouldDisplay: false)

  @Argument(
    help: "The plan, as 'lobstack verify' writes it.",
    transform: { text in
      guard let plan = ProbePlan(argument: text) else { throw ValidationError("that is no plan of a probe") }
      return plan
    })
  var plan: ProbePlan

  func run() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    ProbeProgram(plan) { line in
      // Of a line that cannot be written nobody hears, and what is not heard of is not proven.
      guard let data = try? encoder.encode(line) else { return }
      try? FileHandle.standardOutput.write(contentsOf: data + Data("\n".utf8))
    }.serve()
  }
}
