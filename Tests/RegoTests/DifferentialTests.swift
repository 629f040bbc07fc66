import Foundation
import TestSupport
import Testing

@testable import Rego

/// Policies and inputs at random, asked of our evaluator and of the real OPA.
@Suite(
  "Policies at random", .timeLimit(.minutes(10)),
  .enabled("\(OPALibrary.missing)") { await OPALibrary.isThere() })
struct DifferentialTests {
  private enum Answer: Equatable {
    case value(String)
    case undefined
    /// Two values for one name.
    case conflict
    /// What says that the policy is none.
    case refused(String)
    /// OPA is strict about failures of built-in functions here, as Gatekeeper is not.
    case failed(String)
  }

  /// `FUZZ_SECONDS` makes it longer.
  private static let seconds = ProcessInfo.processInfo.environment["FUZZ_SECONDS"].flatMap { Int($0) } ?? 20

  @Test("say what OPA says") func random() async throws {
    let library = try await OPALibrary.path()
    let end = ContinuousClock.now + .seconds(Self.seconds)
    var (same, refused, conflicts, seed) = (0, 0, 0, UInt64(20_26))
    while ContinuousClock.now < end {
      seed += 1
      var generator = PolicyGenerator(seed: seed)
      let policy = generator.policy()
      let inputs = (0..<4).map { _ in generator.input() }
      let opa = try OPABridge(library)
      var theirs: Answer?
      do { try opa.add("t.rego", policy) } catch let failure as OPAFailure { theirs = .refused(failure.description) }
      for input in inputs {
        let answer = try theirs ?? Self.answer(of: opa, input)
        if case .failed = answer { continue }
        let ours = try Self.answer(of: policy, input)
        switch (answer, ours) {
        // OPA's type checker refuses what would be undefined.
        case (.refused, _): break
        case (_, .refused): refused += 1
        // OPA's index leaves out a rule with a reference that leads to nothing; a function in it that says two things
        // is not asked then.
        case (.value, .conflict), (.undefined, .conflict): conflicts += 1
        default:
          same += 1
          #expect(ours == answer, "seed \(seed)\n\(policy)\ninput \(input)")
        }
      }
    }
    // What is compared has to be most of it, or nothing is proved.
    #expect(same > 200 && refused * 10 < same, "\(same) compared, \(refused) refused")
    #expect(conflicts * 1_000 <= same + 1_000, "\(conflicts) of \(same) are conflicts that OPA does not see")
    print(
      "policies at random: \(same) answers compared with OPA's, \(refused) refused, \(conflicts) conflicts more, "
        + "up to seed \(seed)")
  }

  private static func answer(of opa: OPABridge, _ input: String) throws -> Answer {
    do {
      let text = try opa.evaluate("t.r", input: input)
      let expressions = try Value(json: text).object?["result"]?.items?.first?.object?["expressions"]?.items
      guard let value = expressions?.first?.object?["value"] else { return .undefined }
      return .value(value.json)
    } catch let failure as OPAFailure {
      let text = failure.description
      if text.contains("undefined") { return .undefined }
      if text.contains("conflict") { return .conflict }
      if text.contains("prepare_error") || text.contains("parse_error") { return .refused(text) }
      return .failed(text)
    }
  }

  private static func answer(of policy: String, _ input: String) throws -> Answer {
    let program: Program
    do { program = try Program([Program.Source(file: "t.rego", text: policy, isVersion1: true)]) } catch {
      return .refused("\(error)")
    }
    do {
      let value = try program.evaluate("r", input: Value(json: input), limits: EvaluationLimits())
      // As JSON, where a set is a list and a number has no zeros behind its point.
      return try value.map { .value(try Value(json: $0.json).json) } ?? .undefined
    } catch EvaluationError.conflict {
      return .conflict
    }
  }
}
