import Admission
import ArgumentParser
import Faults
import Foundation
import Verification

struct AdmissionTestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Run suites of tests of policies, as gator has them.",
    discussion: """
      A suite is a test.gatekeeper.sh/v1alpha1 Suite, with its template, constraints and objects beside it
      (open-policy-agent.github.io/gatekeeper, "The gator CLI"). Of a directory, every suite below it is run.

      Exit code 1 when a case fails, or a suite is none.
      """)

  @Argument(
    help: "Suites, or directories with suites in them (default: those of the policies).",
    completion: .file(extensions: ["yaml", "yml"]))
  var suites: [String] = []

  @Option(help: ArgumentHelp("Also write the results as JUnit XML.", valueName: "file"), completion: .file())
  var junit: String?

  @OptionGroup var format: OutputOptions

  func run() async throws {
    let given = suites.isEmpty ? [try PolicyOption.defaultDirectory() + "/suites"] : suites
    let paths = try given.flatMap(SuiteFiles.find)
    let now = Date.now.nanoseconds
    let results = paths.flatMap { path -> [CaseResult] in
      do {
        let suite = try Suite(NamedFile.text(of: path, longest: ObjectText.longest), path: path)
        return suite.run(now: now) { try NamedFile.text(of: $0, longest: ObjectText.longest) }
      } catch {
        return [CaseResult(suite: path, test: path, name: "", outcome: .failed("\(error)"))]
      }
    }
    let report = SuiteReport(results)
    try format.print(report) { report.table }
    if let junit { try report.writeJUnit(to: junit) }
    if report.summary.failed > 0 { throw Degraded(code: 1) }
  }
}

/// Where suites lie.
enum SuiteFiles {
  /// A file stands for itself; of a directory, every file below it that says to be a suite.
  ///
  /// - Throws: `Fault(.notFound)` for a directory without one.
  static func find(_ path: String) throws -> [String] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      return [path]
    }
    let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    let files = names.sorted().filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.map { "\(path)/\($0)" }
      // What cannot be read may be one: it fails when it is run.
      .filter { (try? NamedFile.text(of: $0, longest: ObjectText.longest))?.contains("test.gatekeeper.sh/") ?? true }
    guard !files.isEmpty else {
      throw Fault(
        .notFound, operation: "find suites in \(path)", reason: "no file below it is a test.gatekeeper.sh Suite",
        remedy: "name a suite")
    }
    return files
  }
}

/// Results of suites, as the output shows them.
struct SuiteReport: Encodable {
  struct Case: Encodable {
    var suite: String
    var test: String
    var name: String
    var outcome: String
    var reason: String?
    /// Whether the object had to pass: `allowed`, or to be refused: `disallowed`.
    var expected: String?
  }

  struct Summary: Encodable {
    var total: Int
    var passed: Int
    var failed: Int
    var skipped: Int
    /// Of those that passed, the cases whose object had to pass, and those whose object had to be refused: an engine that
    /// says nothing passes all of the one half.
    var passedAllowed: Int
    var passedDisallowed: Int
  }

  var cases: [Case]
  var summary: Summary

  init(_ results: [CaseResult]) {
    cases = results.map { result in
      let (outcome, reason): (String, String?) =
        switch result.outcome {
        case .passed: ("passed", nil)
        case .failed(let reason): ("failed", reason)
        case .skipped: ("skipped", nil)
        }
      return Case(
        suite: result.suite, test: result.test, name: result.name, outcome: outcome, reason: reason,
        expected: result.expectsNone.map { $0 ? "allowed" : "disallowed" })
    }
    let passed = cases.filter { $0.outcome == "passed" }
    summary = Summary(
      total: cases.count, passed: passed.count, failed: cases.count { $0.outcome == "failed" },
      skipped: cases.count { $0.outcome == "skipped" }, passedAllowed: passed.count { $0.expected == "allowed" },
      passedDisallowed: passed.count { $0.expected == "disallowed" })
  }

  var table: String {
    let failed = cases.filter { $0.outcome == "failed" }.map { own in
      "FAILED \(own.suite): \(own.test)\(own.name.isEmpty ? "" : " / \(own.name)")\n  \(own.reason ?? "")"
    }
    let skipped = summary.skipped == 0 ? "" : ", \(summary.skipped) skipped"
    let line =
      "\(summary.passed) of \(summary.total) cases passed (\(summary.passedAllowed) allowed, "
      + "\(summary.passedDisallowed) disallowed)\(skipped)"
    return (failed + [line]).joined(separator: "\n")
  }

  func writeJUnit(to path: String) throws {
    var suites: [(name: String, cases: [JUnitReport.Case])] = []
    for own in cases {
      let outcome: JUnitReport.Outcome =
        switch own.outcome {
        case "passed": .passed
        case "skipped": .skipped("skipped by the suite")
        default: .failed(own.reason ?? "", type: "FAILED")
        }
      let entry = JUnitReport.Case(
        className: own.test, name: own.name.isEmpty ? own.test : own.name, outcome: outcome, output: own.reason ?? "")
      if suites.last?.name == own.suite {
        suites[suites.count - 1].cases.append(entry)
      } else {
        suites.append((own.suite, [entry]))
      }
    }
    do {
      try JUnitReport(name: "lobstack admission test", suites: suites).text
        .write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw Fault(
        .failed, operation: "write \(path)", reason: "the file cannot be written",
        remedy: "name a file in a directory that exists", cause: error)
    }
  }
}
