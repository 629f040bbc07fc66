import Faults
import Testing

@testable import Admission

@Suite("Suites of gator") struct SuiteTests {
  private static let files = [
    "dir/template.yaml": Policies.labels, "dir/c/constraint.yaml": Policies.constraint("parameters: {labels: [a, b]}"),
    "dir/good.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: g, labels: {a: x, b: x}}",
    "dir/bad.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: b}",
    "dir/broken.yaml": Policies.template("package a"),
  ]

  private func run(_ tests: String) throws -> [CaseResult] {
    let suite = try Suite(
      "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n" + tests, path: "dir/suite.yaml")
    return suite.run(now: 0) { path in
      guard let text = Self.files[path] else {
        throw Fault(.notFound, operation: "read \(path)", reason: "there is none", remedy: "add it")
      }
      return text
    }
  }

  private static let head = "- name: t\n  template: template.yaml\n  constraint: ./c/constraint.yaml\n  cases:\n"

  @Test(
    "pass when every assertion holds",
    arguments: [
      ("{object: good.yaml, assertions: [{violations: no}]}", true),
      ("{object: good.yaml, assertions: [{violations: 'no'}]}", true),
      ("{object: good.yaml, assertions: [{violations: yes}]}", false), ("{object: bad.yaml}", false),
      ("{object: bad.yaml, assertions: [{violations: 1}]}", true),
      ("{object: bad.yaml, assertions: [{violations: 2}]}", false),
      ("{object: bad.yaml, assertions: [{message: 'missing.*\"a\"'}]}", true),
      ("{object: bad.yaml, assertions: [{message: 'other'}]}", false),
      ("{object: bad.yaml, assertions: [{violations: no, message: other}, {violations: 1}]}", true),
      ("{object: ../dir/bad.yaml, assertions: [{violations: yes}]}", true),
      ("{object: none.yaml, assertions: [{violations: no}]}", false),
      ("{object: bad.yaml, assertions: [{message: '('}]}", false),
    ])
  func cases(text: String, passes: Bool) throws {
    let results = try run(Self.head + "  - \(text)\n")
    #expect(results.count == 1 && (results.first?.outcome == .passed) == passes, "\(results)")
  }

  @Test("know policies that have to be refused, and what is skipped") func invalid() throws {
    let invalid =
      "- {name: t, template: broken.yaml, invalid: true}\n- {name: u, template: template.yaml, invalid: true}\n"
    let others = """
      - {name: v, template: broken.yaml, constraint: c/constraint.yaml, cases: [{object: bad.yaml}]}
      - {name: w, template: none.yaml, invalid: true}

      """
    #expect(try run(invalid + others).map { $0.outcome == .passed } == [true, false, false, false])
    #expect(try run("- {name: t, template: none.yaml, constraint: x, skip: true}\n").map(\.outcome) == [.skipped])
    #expect(try run(Self.head + "  - {object: bad.yaml, skip: true}\n").map(\.outcome) == [.skipped])
  }

  @Test("are refused when they are none, with the place") func wrong() throws {
    for (text, reason) in [
      ("- {template: a, constraint: b, cases: [{name: x}]}\n", "object is missing"),
      ("- {template: a, constraint: b, case: []}\n", "unknown field"),
      ("- {template: a, expansion: x}\n", "expansion is not supported"),
      ("- {template: a, constraint: b, cases: [{object: x, assertions: [{violations: maybe}]}]}\n", "neither yes, no"),
      ("- {template: a, cases: []}\n", "the test has no constraint"),
    ] {
      let fault = try #require(throws: Fault.self) { _ = try run(text) }
      #expect("\(fault)".contains(reason) && "\(fault)".contains("dir/suite.yaml:"), "\(fault)")
    }
  }
}
