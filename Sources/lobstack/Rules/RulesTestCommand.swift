import ArgumentParser
import Detection
import Faults
import Foundation
import Sentinel

struct RulesTestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Match events written by hand against rules, and compare.",
    discussion: """
      A sample is an event by its fields and the names of the rules that have to match it, exactly these:

        - name: a shell
          event: {evt.type: execve, container.id: demo, proc.name: sh}
          rules: [Shell spawned in agent container]

      Exit code 1 when one does not match as it should.
      """)

  @Argument(
    help: "A directory with rules and below it samples/ (default: the policy's).", completion: .directory)
  var directory: String?

  @Option(help: "Rules files instead of the directory's.", completion: .file(extensions: ["yaml", "yml"]))
  var rules: [String] = []

  @Option(help: "Files of samples instead of the directory's.", completion: .file(extensions: ["yaml", "yml", "json"]))
  var samples: [String] = []

  @OptionGroup var format: OutputOptions

  func run() async throws {
    let directory = try directory ?? (rules.isEmpty || samples.isEmpty ? RuleFiles.policyDirectory() : "")
    let compiled = try RuleFiles.load((rules.isEmpty ? [directory] : rules).flatMap(RuleDirectory.files))
    let paths = try (samples.isEmpty ? ["\(directory)/samples"] : samples).flatMap(RuleDirectory.files)
    let outcomes = try paths.flatMap { path in
      try SampleSuite(RuleFiles.read(path), source: path).run(compiled)
    }
    let failed = outcomes.filter { !$0.passed }
    let report = Report(
      samples: outcomes,
      summary: Summary(total: outcomes.count, passed: outcomes.count - failed.count, failed: failed.count))
    try format.print(report) {
      let lines = failed.map { outcome in
        let missing = outcome.missing.map { "did not match: \($0)" }
        let unexpected = outcome.unexpected.map { "matched too: \($0)" }
        return "FAILED \(outcome.name) (\(outcome.place))\n  \((missing + unexpected).joined(separator: "\n  "))"
      }
      return (lines + ["\(report.summary.passed) of \(report.summary.total) samples passed"]).joined(separator: "\n")
    }
    if !failed.isEmpty { throw Degraded(code: 1) }
  }

  private struct Report: Encodable {
    var samples: [SampleSuite.Outcome]
    var summary: Summary
  }

  private struct Summary: Encodable {
    var total: Int
    var passed: Int
    var failed: Int
  }
}
