import Faults
import Manifests
import Rego

/// A file of policies.
package struct PolicyFile: Sendable, Equatable {
  package var path: String
  package var text: String

  package init(path: String, text: String) { (self.path, self.text) = (path, text) }
}

/// Everything that is wrong with a set of policies. None of it is used then.
package struct BrokenPolicies: Error, Sendable, CustomStringConvertible {
  package var faults: [Fault]

  package init(_ faults: [Fault]) { self.faults = faults }

  package var description: String { faults.map(\.description).joined(separator: "\n") }
}

/// Templates and constraints that are in force together. Which file comes first does not matter.
package struct PolicySet: Sendable {
  /// By kind.
  package private(set) var templates: [String: ConstraintTemplate] = [:]
  /// In the order of kinds and names.
  package private(set) var constraints: [Constraint] = []
  private var exemptions: [Exemption] = []

  package init() {}

  /// - Throws: `BrokenPolicies`.
  package init(_ files: [PolicyFile]) throws(BrokenPolicies) {
    var faults: [Fault] = []
    func collect<Result>(_ work: () throws -> Result) -> Result? {
      do { return try work() } catch {
        faults.append(Fault.wrap(error, operation: "read a policy", remedy: "correct it"))
        return nil
      }
    }
    let documents = files.flatMap { file in
      collect { try Self.documents(of: file) } ?? []
    }
    for case .template(let document) in documents {
      guard let template = collect({ try ConstraintTemplate(document) }) else { continue }
      if templates.updateValue(template, forKey: template.kind) != nil {
        faults.append(document.fault("the template of \(template.kind) stands twice", remedy: "remove one"))
      }
    }
    // A constraint whose template is broken says nothing new.
    let broken = !faults.isEmpty
    var names: Set<[String]> = []
    for case .constraint(let document) in documents {
      if broken, let kind = document.kindName, templates[kind] == nil { continue }
      guard let constraint = collect({ try Constraint(document, templates: templates) }) else { continue }
      if names.insert([constraint.kind, constraint.name]).inserted {
        constraints.append(constraint)
      } else {
        faults.append(
          document.fault("the constraint \(constraint.kind) \(constraint.name) stands twice", remedy: "rename one"))
      }
    }
    for case .config(let document) in documents {
      exemptions += collect { try Exemption.all(in: document) } ?? []
    }
    constraints.sort { ($0.kind, $0.name) < ($1.kind, $1.name) }
    guard faults.isEmpty else { throw BrokenPolicies(faults) }
  }

  /// Policies to be enforced, of which there have to be some.
  ///
  /// - Throws: `BrokenPolicies`.
  package static func inForce(_ files: [PolicyFile]) throws(BrokenPolicies) -> PolicySet {
    let policies = try PolicySet(files)
    guard policies.constraints.isEmpty else { return policies }
    throw BrokenPolicies([
      Fault(
        .invalid, operation: "load the policies", reason: "there is no constraint, and so nothing would be refused",
        remedy: "restore the constraints, or keep at least one")
    ])
  }

  /// - Throws: `Fault(.invalid)` for a file with nothing in it, too: one that is being written looks like that.
  private static func documents(of file: PolicyFile) throws -> [PolicyDocument] {
    let manifests = try Manifest.parse(file.text, source: file.path)
    guard !manifests.isEmpty else {
      throw Fault(
        .invalid, operation: "read \(file.path)", reason: "it holds no document",
        remedy: "restore the file, or remove it")
    }
    return try manifests.map(PolicyDocument.init)
  }

  /// Asks every constraint that is about the object.
  ///
  /// - Parameters:
  ///   - time: for all of them together.
  ///   - now: nanoseconds since 1970.
  package func review(
    _ review: Review, at point: EnforcementPoint, inventory: Inventory = Inventory(),
    time: Duration = .seconds(2), now: Int
  ) -> Decision {
    var decision = Decision()
    guard !isExempt(review, at: point) else { return decision }
    let end = ContinuousClock.now + time
    let data = Value.object(["inventory": inventory.document])
    for constraint in constraints {
      let actions = constraint.enforcement.actions(at: point)
      guard !actions.isEmpty else { continue }
      do {
        guard try constraint.match.matches(review, namespace: inventory.namespace) else { continue }
        guard let template = templates[constraint.kind] else { continue }
        let limits = EvaluationLimits(time: end - .now, now: now)
        decision.violations += try constraint.violations(
          of: review, template: template, actions: actions, data: data, limits: limits)
      } catch {
        decision.failures.append(
          Fault(
            .failed, operation: "ask \(constraint.kind) \(constraint.name) about \(review.title)",
            reason: "\(error)", remedy: "correct the policy, or the object if it is an unusual one"))
      }
    }
    return decision
  }

  private func isExempt(_ review: Review, at point: EnforcementPoint) -> Bool {
    let namespace =
      review.kind == GroupVersionKind(apiVersion: "v1", kind: "Namespace") ? review.name : review.namespace
    return !namespace.isEmpty && exemptions.contains { $0.covers(namespace, at: point) }
  }
}

extension Constraint {
  /// - Throws: `EvaluationError`, or what is wrong with the policy's answer.
  fileprivate func violations(
    of review: Review, template: ConstraintTemplate, actions: Set<EnforcementAction>, data: Value,
    limits: EvaluationLimits
  ) throws -> [Violation] {
    let input = Value.object(["review": review.request, "parameters": parameters])
    let answer = try template.program.evaluate("violation", input: input, data: data, limits: limits)
    return try (answer?.members ?? []).map { member in
      guard let message = member["msg"]?.text else { throw MalformedAnswer(answer: member.description) }
      return Violation(
        constraintKind: kind, constraint: name, actions: actions, message: message,
        details: member["details"]?.json, field: member["details", "field"]?.text)
    }
  }
}

/// A policy answered with something that is no violation.
private struct MalformedAnswer: Error, CustomStringConvertible {
  var answer: String
  var description: String { "the policy answered \(answer.prefix(200)), which has no 'msg' that is text" }
}
