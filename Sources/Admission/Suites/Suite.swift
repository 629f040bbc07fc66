import Faults
import Manifests

/// Tests of policies as gator has them (test.gatekeeper.sh/v1alpha1 Suite). Paths are relative to the suite's file.
package struct Suite: Sendable {
  package let path: String
  let isSkipped: Bool
  let tests: [Test]

  struct Test: Sendable {
    var name: String
    var template: String
    var constraint: String
    /// Whether template or constraint have to be refused.
    var isInvalid: Bool
    var isSkipped: Bool
    var cases: [Case]
  }

  struct Case: Sendable {
    var name: String
    var object: String
    var inventory: [String]
    var isSkipped: Bool
    var assertions: [Assertion]
  }

  struct Assertion: Sendable {
    enum Count: Sendable, Hashable {
      case some
      case exactly(Int)
    }

    var count: Count
    /// A regular expression; only messages that it matches count.
    var message: String?
  }

  /// - Throws: `Fault(.invalid)` with the place of what is wrong.
  package init(_ text: String, path: String) throws {
    self.path = path
    let document = try Manifest.parseOne(text, source: path)
    var fields = try Fields(document)
    let version = try fields.require("apiVersion")
    let kind = try fields.require("kind")
    guard try version.string() == "test.gatekeeper.sh/v1alpha1", try kind.string() == "Suite" else {
      throw version.fault(
        "\(try version.string()) \(try kind.string()) is no suite", remedy: "give a test.gatekeeper.sh/v1alpha1 Suite")
    }
    _ = fields.take("metadata")
    isSkipped = try fields.take("skip")?.bool() ?? false
    tests = try fields.take("tests")?.list().map(Self.test) ?? []
    try fields.finish()
  }

  private static func test(_ manifest: Manifest) throws -> Test {
    var fields = try Fields(manifest)
    if let expansion = fields.take("expansion") {
      throw expansion.fault("expansion is not supported", remedy: "test the objects that it makes")
    }
    let isInvalid = try fields.take("invalid")?.bool() ?? false
    let constraint = try fields.take("constraint")
    guard constraint != nil || isInvalid else {
      throw manifest.fault("the test has no constraint", remedy: "name the file of one")
    }
    let test = Test(
      name: try fields.take("name")?.string() ?? "", template: try fields.require("template").string(),
      constraint: try constraint?.string() ?? "", isInvalid: isInvalid,
      isSkipped: try fields.take("skip")?.bool() ?? false, cases: try fields.take("cases")?.list().map(aCase) ?? [])
    try fields.finish()
    return test
  }

  private static func aCase(_ manifest: Manifest) throws -> Case {
    var fields = try Fields(manifest)
    let assertions = try fields.take("assertions")?.list().map(assertion) ?? []
    let own = Case(
      name: try fields.take("name")?.string() ?? "", object: try fields.require("object").string(),
      inventory: try fields.take("inventory")?.strings() ?? [], isSkipped: try fields.take("skip")?.bool() ?? false,
      assertions: assertions)
    try fields.finish()
    return own
  }

  private static func assertion(_ manifest: Manifest) throws -> Assertion {
    var fields = try Fields(manifest)
    let count: Assertion.Count
    let field = fields.take("violations")
    switch field?.value {
    case nil, .bool(true): count = .some
    case .bool(false): count = .exactly(0)
    case .int(let number) where number >= 0: count = .exactly(number)
    case .string("yes"): count = .some
    case .string("no"): count = .exactly(0)
    default:
      throw (field ?? manifest).fault("violations is neither yes, no nor a number", remedy: "use one of these")
    }
    let message = try fields.take("message")?.string()
    try fields.finish()
    return Assertion(count: count, message: message)
  }
}
