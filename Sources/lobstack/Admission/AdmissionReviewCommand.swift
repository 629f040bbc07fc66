import Admission
import ArgumentParser
import Faults
import Foundation

struct AdmissionReviewCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "review", abstract: "Ask the policies about objects, without creating any.",
    discussion: """
      Takes any objects of Kubernetes as YAML or JSON, Lists of them, and AdmissionReviews. All of them together
      are what exists (data.inventory), and Namespaces among them give their labels.

      Exit code 1 when one is denied, or when a policy could not be asked.
      """)

  @Option(
    name: [.short, .customLong("filename")],
    help: ArgumentHelp("File with the objects; - is standard input. May be repeated.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml", "json"]))
  var filename: [String]

  @OptionGroup var policy: PolicyOption
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let policies = try policy.load()
    let objects = try filename.flatMap { path in
      let text =
        path == "-"
        ? try NamedFile.text(
          NamedFile.bytes("standard input", longest: ObjectText.longest) { .standardInput }, source: "standard input")
        : try NamedFile.text(of: path, longest: ObjectText.longest)
      return try ObjectText.parse(text, source: path == "-" ? "standard input" : path)
    }
    guard !objects.isEmpty else {
      throw Fault(
        .invalid, operation: "review \(filename.joined(separator: ", "))", reason: "there is no object in it",
        remedy: "give an object of Kubernetes, or an AdmissionReview")
    }
    let now = Date.now.nanoseconds
    let reviews = try objects.map { object in
      do { return try Review.of(object.value) } catch let fault as Fault {
        throw Fault(
          .invalid, operation: "review \(object.place)", reason: fault.reason, remedy: fault.remedy, cause: nil)
      }
    }
    let inventory = Inventory(objects.map(\.value))
    let results = zip(reviews, objects).map { review, object in
      ReviewResult(
        policies.review(review, at: .validation, inventory: inventory, now: now), of: review, place: object.place)
    }
    let denied = results.count { !$0.allowed }
    let report = Report(
      reviews: results,
      summary: Report.Summary(total: results.count, allowed: results.count - denied, denied: denied))
    try format.print(report) { report.table }
    if denied > 0 { throw Degraded(code: 1) }
  }

  private struct Report: Encodable {
    struct Summary: Encodable {
      var total: Int
      var allowed: Int
      var denied: Int
    }

    var reviews: [ReviewResult]
    var summary: Summary

    var table: String {
      var table = Table("OBJECT", "ACTION", "CONSTRAINT", "MESSAGE")
      for review in reviews {
        for violation in review.violations {
          table.add(review.object, violation.action, violation.constraint, violation.message)
        }
        for failure in review.failures { table.add(review.object, "deny", "-", failure) }
        if review.violations.isEmpty, review.failures.isEmpty { table.add(review.object, "allow", "-", "-") }
      }
      return table.rendered() + "\n\(summary.allowed) of \(summary.total) allowed"
    }
  }
}

/// What the policies say about an object, as the output shows it.
struct ReviewResult: Encodable {
  struct Violation: Encodable {
    var constraint: String
    var kind: String
    var action: String
    var message: String
    var field: String?
  }

  var object: String
  var place: String
  var allowed: Bool
  var violations: [Violation]
  var failures: [String]

  init(_ decision: Decision, of review: Review, place: String) {
    object = review.title
    self.place = place
    allowed = decision.isAllowed
    violations = decision.violations.map {
      Violation(
        constraint: $0.constraint, kind: $0.constraintKind, action: $0.action.rawValue, message: $0.message,
        field: $0.field)
    }
    failures = decision.failures.map(\.description)
  }
}
