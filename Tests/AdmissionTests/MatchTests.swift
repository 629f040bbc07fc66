import Rego
import Testing

@testable import Admission

@Suite("What a constraint is about") struct MatchTests {
  private static let namespace = """
    apiVersion: v1
    kind: Namespace
    metadata: {name: shop, labels: {env: prod}}
    """
  private static let node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {env: dev}}"
  private static let deployment =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generateName: web-, namespace: shop}"

  private func violations(_ match: String, _ object: String) throws -> Int {
    let policies = try Policies.set(Policies.labels, Policies.constraint("match: \(match)"))
    let inventory = Inventory(try ObjectText.parse(Self.namespace, source: "n").map(\.value))
    let decision = policies.review(try Policies.review(object), at: .validation, inventory: inventory, now: 0)
    if let failure = decision.failures.first { throw failure }
    return decision.violations.count
  }

  @Test(
    "is told by every field of its match",
    arguments: [
      ("{}", true, true, true, true),
      ("{kinds: [{apiGroups: [''], kinds: [Pod]}]}", true, false, false, false),
      ("{kinds: [{apiGroups: ['*'], kinds: [Pod, Deployment]}]}", true, true, false, false),
      ("{kinds: [{apiGroups: [apps], kinds: ['*']}, {kinds: [Node]}]}", false, true, false, true),
      ("{kinds: [{apiGroups: ['']}]}", true, false, true, true),
      ("{scope: Namespaced}", true, true, false, false), ("{scope: Cluster}", false, false, true, true),
      ("{namespaces: [shop]}", true, true, true, true), ("{namespaces: ['sh*', other]}", true, true, true, true),
      ("{namespaces: ['*ho']}", false, false, false, true), ("{namespaces: ['*ho*']}", true, true, true, true),
      ("{excludedNamespaces: ['*op']}", false, false, false, true),
      ("{labelSelector: {matchLabels: {tier: front}}}", true, false, false, false),
      ("{labelSelector: {matchExpressions: [{key: tier, operator: Exists}]}}", true, false, false, false),
      (
        "{labelSelector: {matchExpressions: [{key: env, operator: In, values: [prod, dev]}]}}", false, false, true, true
      ),
      ("{labelSelector: {matchExpressions: [{key: env, operator: NotIn, values: [prod]}]}}", true, true, false, true),
      ("{labelSelector: {matchExpressions: [{key: env, operator: DoesNotExist}]}}", true, true, false, false),
      ("{namespaceSelector: {matchLabels: {env: prod}}}", true, true, true, true),
      ("{namespaceSelector: {matchLabels: {env: dev}}}", false, false, false, true),
      ("{name: ''}", true, true, true, true), ("{name: web}", true, false, false, false),
      ("{name: 'web-*'}", false, true, false, false),
      ("{source: Original}", true, true, true, true), ("{source: Generated}", false, false, false, false),
      ("{kinds: [{kinds: [Pod]}], namespaces: [other]}", false, false, false, false),
    ])
  func matches(match: String, pod: Bool, deployment: Bool, namespace: Bool, node: Bool) throws {
    #expect(try violations(match, Policies.pod) == (pod ? 1 : 0), "Pod")
    #expect(try violations(match, Self.deployment) == (deployment ? 1 : 0), "Deployment")
    #expect(try violations(match, Self.namespace) == (namespace ? 1 : 0), "Namespace")
    #expect(try violations(match, Self.node) == (node ? 1 : 0), "Node")
  }

  @Test("is not exempted by a label beside one that is no text, which Gatekeeper takes for no labels") func oddLabels()
    throws
  {
    let match = "{labelSelector: {matchExpressions: [{key: exempt, operator: DoesNotExist}]}}"
    func pod(_ labels: String) -> String { "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: \(labels)}" }
    #expect(try violations(match, pod("{exempt: yes-it-is}")) == 0)
    #expect(try violations(match, pod("{exempt: yes-it-is, tenant: 1}")) == 1)
    #expect(try violations(match, pod("{exempt: null, tenant: null}")) == 0)
  }

  @Test("cannot be told without the labels of a namespace that it asks for: refused") func unknownNamespace() throws {
    let policies = try Policies.set(
      Policies.labels, Policies.constraint("match: {namespaceSelector: {matchLabels: {a: b}}}"))
    let decision = policies.review(try Policies.review(Policies.pod), at: .validation, now: 0)
    #expect(!decision.isAllowed && decision.failures.count == 1)
    #expect("\(decision.failures)".contains("the Namespace shop is not known"))
  }

  @Test("is an object that was, too: an update cannot leave a policy by its labels") func oldObject() throws {
    let review = try Policies.review(
      """
      {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u", "operation": "UPDATE",
       "kind": {"group": "", "version": "v1", "kind": "Pod"}, "name": "w", "namespace": "shop",
       "object": {"metadata": {"name": "w"}}, "oldObject": {"metadata": {"name": "w", "labels": {"tier": "front"}}}}}
      """)
    let policies = try Policies.set(
      Policies.labels, Policies.constraint("match: {labelSelector: {matchLabels: {tier: front}}}"))
    #expect(policies.review(review, at: .validation, now: 0).denials.count == 1)
  }

  @Test(
    "is refused when it is wrong, with its place",
    arguments: [
      ("{kind: [Pod]}", "unknown field 'kind'"), ("{scope: Both}", "'Both' is no scope"),
      ("{source: Some}", "'Some' is no source"), ("{kinds: Pod}", "expected a list"),
      ("{labelSelector: {matchExpressions: [{key: a, operator: Is}]}}", "'Is' is no operator"),
      ("{labelSelector: {matchExpressions: [{key: a, operator: In}]}}", "In has no values"),
      ("{labelSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}", "Exists has values"),
    ])
  func wrong(match: String, reason: String) throws {
    let error = try #require(throws: BrokenPolicies.self) {
      _ = try Policies.set(Policies.labels, Policies.constraint("match: \(match)"))
    }
    #expect("\(error)".contains(reason) && "\(error)".contains("p1.yaml:6 spec.match"), "\(error)")
  }
}
