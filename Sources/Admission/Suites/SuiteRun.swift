import Faults
import Manifests
import Rego

/// What became of a test's case.
package struct CaseResult: Sendable, Hashable {
  package enum Outcome: Sendable, Hashable {
    case passed
    /// Why not.
    case failed(String)
    case skipped
  }

  package var suite: String
  package var test: String
  package var name: String
  package var outcome: Outcome
  /// Whether the object had to pass without a violation; `nil` for a test of a policy that has to be refused.
  package var expectsNone: Bool?

  package init(suite: String, test: String, name: String, outcome: Outcome, expectsNone: Bool? = nil) {
    self.suite = suite
    self.test = test
    self.name = name
    self.outcome = outcome
    self.expectsNone = expectsNone
  }

  package var title: String { name.isEmpty ? test : "\(test) / \(name)" }
}

extension Suite {
  /// Runs every case.
  ///
  /// - Parameters:
  ///   - now: nanoseconds since 1970.
  ///   - read: the text of a file by its path.
  package func run(now: Int, read: (String) throws -> String) -> [CaseResult] {
    tests.flatMap { test -> [CaseResult] in
      func result(_ name: String, _ outcome: CaseResult.Outcome, expectsNone: Bool? = nil) -> CaseResult {
        CaseResult(suite: path, test: test.name, name: name, outcome: outcome, expectsNone: expectsNone)
      }
      if isSkipped || test.isSkipped {
        return (test.cases.isEmpty ? [""] : test.cases.map(\.name)).map { result($0, .skipped) }
      }
      let policies: PolicySet
      do { policies = try self.policies(of: test, read) } catch {
        // Broken policies, not files that are not there.
        if test.isInvalid, error is BrokenPolicies { return [result("", .passed)] }
        return (test.cases.isEmpty ? [""] : test.cases.map(\.name)).map { result($0, .failed("\(error)")) }
      }
      if test.isInvalid { return [result("", .failed("template and constraint were taken, and should not be"))] }
      if test.cases.isEmpty { return [result("", .passed)] }
      return test.cases.map { own in
        guard !own.isSkipped else { return result(own.name, .skipped) }
        let reason: String?
        do { reason = try failure(of: own, policies, now: now, read) } catch { reason = "\(error)" }
        let expectsNone = own.assertions.allSatisfy { $0.count == .exactly(0) }
        return result(own.name, reason.map(CaseResult.Outcome.failed) ?? .passed, expectsNone: expectsNone)
      }
    }
  }

  private func policies(of test: Test, _ read: (String) throws -> String) throws -> PolicySet {
    let paths = [test.template, test.constraint].filter { !$0.isEmpty }.map(beside)
    return try PolicySet(paths.map { PolicyFile(path: $0, text: try read($0)) })
  }

  /// - Returns: `nil` when all assertions hold.
  private func failure(
    of own: Case, _ policies: PolicySet, now: Int, _ read: (String) throws -> String
  ) throws -> String? {
    let object = try objects(own.object, read)
    guard !own.assertions.isEmpty else { return "it asserts nothing; give assertions, as gator wants them" }
    guard let first = object.first, object.count == 1 else { return "\(own.object) holds \(object.count) objects" }
    let inventory = Inventory(try own.inventory.flatMap { try objects($0, read) })
    let decision = policies.review(try Review.of(first), at: .gator, inventory: inventory, now: now)
    if let failure = decision.failures.first { return "\(failure)" }
    for assertion in own.assertions {
      var messages = decision.violations.map(\.message)
      if let pattern = assertion.message {
        guard let expression = Expression(pattern) else { return "'\(pattern)' is no regular expression" }
        messages = messages.filter(expression.matches)
      }
      let (isMet, wanted) =
        switch assertion.count {
        case .some: (!messages.isEmpty, "at least one violation")
        case .exactly(let count): (messages.count == count, count == 1 ? "one violation" : "\(count) violations")
        }
      if isMet { continue }
      let about = assertion.message.map { " with a message that matches '\($0)'" } ?? ""
      let found = decision.violations.isEmpty ? "none" : decision.violations.map(\.message).joined(separator: "; ")
      return "expected \(wanted)\(about), found \(found)"
    }
    return nil
  }

  private func objects(_ path: String, _ read: (String) throws -> String) throws -> [Value] {
    try ObjectText.parse(try read(beside(path)), source: beside(path)).map(\.value)
  }

  private func beside(_ other: String) -> String {
    if other.hasPrefix("/") { return other }
    var parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    for part in other.split(separator: "/") {
      switch part {
      case ".": continue
      case "..":
        if let last = parts.last, last != "..", last != "." { parts.removeLast() } else { parts.append("..") }
      default: parts.append(part)
      }
    }
    return parts.joined(separator: "/")
  }
}
