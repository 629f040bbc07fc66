import Rego
import Testing

@testable import Admission

@Suite("Policies of Gatekeeper") struct PolicySetTests {
  private func decision(
    _ spec: String, at point: EnforcementPoint = .validation, _ others: String...
  ) throws -> Decision {
    let files = [Policies.constraint(spec), Policies.labels] + others
    let policies = try PolicySet(files.enumerated().map { PolicyFile(path: "p\($0.offset).yaml", text: $0.element) })
    return policies.review(try Policies.review(Policies.pod), at: point, now: 0)
  }

  @Test("deny, warn or count, as the constraint says") func actions() throws {
    let denied = try decision("{}")
    #expect(!denied.isAllowed && denied.denials.map(\.text) == [#"[labels] missing labels: {"owner"}"#])
    #expect(denied.denials.first?.field == "metadata.labels")
    #expect(denied.denials.first?.details == #"{"field":"metadata.labels"}"#)
    let warned = try decision("enforcementAction: warn")
    #expect(warned.isAllowed && warned.warnings.count == 1 && warned.denials.isEmpty)
    let counted = try decision("enforcementAction: dryrun")
    #expect(counted.isAllowed && counted.dryRuns.count == 1 && counted.warnings.isEmpty)
  }

  @Test("act at the points that a scope names") func scoped() throws {
    let scope = """
      enforcementAction: scoped
      scopedEnforcementActions:
        - action: warn
          enforcementPoints: [{name: validation.gatekeeper.sh}]
        - action: deny
          enforcementPoints: [{name: audit.gatekeeper.sh}]
        - action: dryrun
          enforcementPoints: [{name: vap.k8s.io}]
      """
    #expect(try decision(scope).violations.map(\.action) == [.warn])
    #expect(try decision(scope, at: .audit).violations.map(\.action) == [.deny])
    #expect(try decision(scope, at: .gator).violations.isEmpty)
    let everywhere = scope.replacing("validation.gatekeeper.sh", with: "'*'")
    #expect(try decision(everywhere, at: .audit).violations.map(\.actions) == [[.deny, .warn]])
    #expect(try !decision(everywhere, at: .audit).isAllowed)
  }

  @Test("take parameters, by default those of the schema, and are refused with others") func parameters() throws {
    let given = try decision("parameters: {labels: [tier, team]}")
    #expect(given.denials.map(\.message) == [#"missing labels: {"team"}"#])
    #expect(try decision("parameters: {labels: []}").violations.isEmpty)
    for (parameters, reason) in [
      ("{labels: owner}", "spec.parameters.labels: expected array, found string"),
      ("{labels: [1]}", "spec.parameters.labels[0]: expected string, found number"),
      ("{label: [a]}", "spec.parameters.label: there is no such field; there are labels"),
    ] {
      let error = try #require(throws: BrokenPolicies.self) { _ = try decision("parameters: \(parameters)") }
      #expect("\(error)".contains(reason), "\(error)")
    }
  }

  @Test("leave out namespaces that a Config exempts") func exemptions() throws {
    func config(_ processes: String) -> String {
      """
      apiVersion: config.gatekeeper.sh/v1alpha1
      kind: Config
      metadata: {name: config, namespace: gatekeeper-system}
      spec: {match: [{excludedNamespaces: ["sh*"], processes: [\(processes)]}]}
      """
    }
    #expect(try decision("{}", config("'*'")).violations.isEmpty)
    #expect(try decision("{}", config("webhook")).violations.isEmpty)
    #expect(try decision("{}", at: .audit, config("webhook")).violations.count == 1)
    #expect(try decision("{}", config("audit")).violations.count == 1)
    #expect(throws: BrokenPolicies.self) { _ = try decision("{}", config("nothing")) }
  }

  @Test("use libraries, and what else exists") func inventory() throws {
    let template = Policies.template(
      """
      package unique
      import data.lib.hosts.others
      violation[{"msg": msg}] {
        others(input.review)[host]
        host == input.review.object.spec.host
        msg := sprintf("host %v is taken", [host])
      }
      """, kind: "UniqueHost",
      libraries: [
        """
        package lib.hosts
        others(review) = hosts {
          hosts := {host | host := data.inventory.namespace[_][_].Ingress[name].spec.host; name != review.name}
        }
        """
      ])
    let policies = try Policies.set(template, Policies.constraint(kind: "UniqueHost", name: "hosts"))
    func ingress(_ name: String, _ host: String) -> String {
      "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: \(name), namespace: a}\nspec: {host: \(host)}"
    }
    let inventory = Inventory(try ObjectText.parse(ingress("one", "x.test"), source: "i").map(\.value))
    func messages(_ name: String, _ host: String) throws -> [String] {
      policies.review(try Policies.review(ingress(name, host)), at: .validation, inventory: inventory, now: 0)
        .violations.map(\.message)
    }
    #expect(try messages("two", "x.test") == ["host x.test is taken"])
    #expect(try messages("two", "y.test") == [] && messages("one", "x.test") == [])
  }

  @Test(
    "that are broken are refused as a whole, all of them told",
    arguments: [
      ([Policies.constraint()], "there is no ConstraintTemplate of the kind Labels"),
      ([Policies.labels, Policies.labels], "the template of Labels stands twice"),
      ([Policies.labels, Policies.constraint(), Policies.constraint()], "the constraint Labels labels stands twice"),
      ([Policies.labels, Policies.constraint("enforcementAction: block")], "'block' is no enforcement action"),
      ([Policies.labels, Policies.constraint("enforcementAction: scoped")], "scopedEnforcementActions names none"),
      ([Policies.labels, Policies.constraint("matches: {}")], "unknown field 'matches'"),
      ([Policies.labels, ""], "it holds no document"),
      (
        [
          Policies.labels,
          Policies.constraint(
            "enforcementAction: scoped\nscopedEnforcementActions: [{action: deny, enforcementPoints: [{name: webhook}]}]"
          ),
        ], "'webhook' is no enforcement point"
      ),
      (
        [
          Policies.labels,
          Policies.constraint(
            "enforcementAction: scoped\nscopedEnforcementActions: [{action: deny, enforcementPoints: []}]"),
        ], "has no enforcement point"
      ),
      (["apiVersion: v1\nkind: Pod"], "v1 Pod is no policy that is known"), (["- a"], "expected a mapping"),
      (["a: [", Policies.labels], "cannot read p0.yaml"),
      (
        [Policies.template("package a\nviolation[{\"msg\": \"x\"}] { x }")],
        "line 2, column 27 of the Rego: var x is unsafe"
      ),
      ([Policies.template("package a\nviolation[{\"msg\": \"x\"}] { violation[_] }")], "rule violation is recursive"),
      ([Policies.template("package a\ndeny[x] { x := 1 }")], "it has no rule 'violation' that is a set"),
      ([Policies.template("package a\nviolation = 1")], "it has no rule 'violation' that is a set"),
      ([Policies.template("package a\nviolation[x] { x := data.secret }")], "data.secret is not known"),
      ([Policies.template("package a\nviolation[x] { x := http.send({}) }")], "undefined function http.send"),
      (
        [Policies.template("package a\nviolation[x] { x := 1 }", libraries: ["package b\nf(x) = x"])],
        "a library is in the package b"
      ),
      ([Policies.template("package a\nviolation[x] { x := 1 }", name: "other")], "the name is 'other'"),
      ([Policies.labels.replacing("admission.k8s.gatekeeper.sh", with: "x")], "'x' is no target that is known"),
      (
        [
          Policies.labels.replacing(
            "rego: |", with: "code: [{engine: K8sNativeValidation, source: {}}]\n      ignored: |")
        ], "it has no Rego, only K8sNativeValidation"
      ),
      (
        [Policies.template("package a\nviolation[x] { x := 1 }", schema: "type: thing")],
        "'thing' is no type"
      ),
      (
        [Policies.template("package a\nviolation[x] { x := 1 }", schema: "type: string\npattern: '('")],
        "'(' is no regular expression"
      ),
      (
        [Policies.template("package a\nviolation[x] { x := 1 }", schema: "type: string\ndefault: 1")],
        "default: expected string, found number"
      ),
    ] as [([String], String)])
  func broken(files: [String], reason: String) throws {
    let error = try #require(throws: BrokenPolicies.self) {
      _ = try PolicySet(files.enumerated().map { PolicyFile(path: "p\($0.offset).yaml", text: $0.element) })
    }
    #expect("\(error)".contains(reason), "\(error)")
  }

  @Test("to be enforced are some: none at all are more likely lost") func none() throws {
    let error = try #require(throws: BrokenPolicies.self) {
      _ = try PolicySet.inForce([PolicyFile(path: "t.yaml", text: Policies.labels)])
    }
    #expect("\(error)".contains("there is no constraint"))
  }

  @Test(
    "that fail refuse what they cannot judge",
    arguments: [
      ("package a\nviolation[x] { x := {\"msg\": 1} }", "has no 'msg' that is text"),
      ("package a\nviolation[x] { x := {\"msg\": f(1)} }\nf(x) = 1 { true }\nf(x) = 2 { true }", "multiple outputs"),
      (
        "package a\nviolation[{\"msg\": \"x\"}] { n := numbers.range(1, 1000)\n n[a] + n[b] + n[c] + n[d] < 0 }",
        "the evaluation takes too long"
      ),
    ])
  func failing(rego: String, reason: String) throws {
    let policies = try Policies.set(Policies.template(rego), Policies.constraint("enforcementAction: dryrun"))
    let decision = policies.review(try Policies.review(Policies.pod), at: .validation, now: 0)
    #expect(!decision.isAllowed && decision.violations.isEmpty)
    #expect("\(decision.failures)".contains(reason), "\(decision.failures)")
  }

  @Test("of both ages of Rego and of templates are taken") func versions() throws {
    let modern = """
      package a
      violation contains {"msg": msg} if {
        some container in input.review.object.spec.containers
        not container.safe
        msg := container.name
      }
      """
    let template = Policies.template("x").replacing(
      "rego: |\n        x",
      with:
        "code:\n        - engine: K8sNativeValidation\n          source: {}\n        - engine: Rego\n          source:\n            version: v1\n            rego: |\n"
        + modern.split(separator: "\n").map { "              \($0)" }.joined(separator: "\n"))
    let policies = try Policies.set(template, Policies.constraint())
    let decision = policies.review(try Policies.review(Policies.pod), at: .validation, now: 0)
    #expect(decision.denials.map(\.message) == ["a"] && decision.failures.isEmpty)
    let old = Policies.template("package a\nviolation[{\"msg\": \"no\"}] { true }", schema: "{}", version: "v1beta1")
    let open = try Policies.set(old, Policies.constraint("parameters: {anything: 1}"))
    #expect(open.review(try Policies.review(Policies.pod), at: .validation, now: 0).denials.count == 1)
  }
}
