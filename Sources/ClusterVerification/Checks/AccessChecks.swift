import Faults
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// What service accounts may do, asked of the API server's own authorizers (SubjectAccessReview).
struct AccessChecks: Sendable {
  let site: ClusterSite

  var all: [Check] {
    [
      Check("SEC-6-AGENTS", layer: "secrets", title: "service accounts of agents may do nothing", body: agents),
      Check(
        "SEC-6-OPERATOR", layer: "secrets",
        title: "the operator reads no Secret, and changes nothing but agents' namespaces",
        body: operatorRights),
    ]
  }

  private struct Act: Sendable {
    var verb: String
    var resource: String
    var group = ""
    var subresource = ""
    /// `nil` for what has none.
    var namespace: String?

    var text: String {
      let what = subresource.isEmpty ? resource : "\(resource)/\(subresource)"
      return "\(verb) \(what)\(namespace.map { " in \($0)" } ?? "")"
    }
  }

  private func isAllowed(_ act: Act, user: String, groups: [String]) async throws -> Bool {
    var attributes: [String: JSON] = [
      "verb": .string(act.verb), "resource": .string(act.resource), "group": .string(act.group),
      "subresource": .string(act.subresource),
    ]
    attributes["namespace"] = act.namespace.map(JSON.string)
    let review = KubernetesObject(fields: [
      "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": [:],
      "spec": [
        "user": .string(user), "groups": .array(groups.map(JSON.string)), "resourceAttributes": .object(attributes),
      ],
    ])
    return try await site.client.create(review, of: .accessReviews)["status", "allowed"]?.bool ?? false
  }

  private func isAllowed(_ act: Act, account: String, of namespace: String) async throws -> Bool {
    try await isAllowed(
      act, user: "system:serviceaccount:\(namespace):\(account)",
      groups: ["system:serviceaccounts", "system:serviceaccounts:\(namespace)", "system:authenticated"])
  }

  /// The same as a member of the group that may do everything: where that is refused the question is wrong.
  private func control(_ act: Act) async throws -> AttackOutcome {
    try await isAllowed(act, user: "verify", groups: ["system:masters"])
      ? .succeeded("an administrator may") : .unknown("not even an administrator may")
  }

  // MARK: Agents

  /// What would be worth most to an agent.
  private func acts(in namespace: String) -> [Act] {
    [
      Act(verb: "get", resource: "secrets", namespace: namespace),
      // A list has the contents, too.
      Act(verb: "list", resource: "secrets", namespace: namespace),
      Act(verb: "list", resource: "pods", namespace: namespace),
      Act(verb: "create", resource: "pods", namespace: namespace),
      Act(verb: "create", resource: "pods", subresource: "exec", namespace: namespace),
      Act(verb: "get", resource: "configmaps", namespace: namespace),
      Act(verb: "patch", resource: "agents", group: "lobstack.dev", namespace: namespace),
      Act(verb: "delete", resource: "networkpolicies", group: "networking.k8s.io", namespace: namespace),
      Act(verb: "create", resource: "serviceaccounts", subresource: "token", namespace: namespace),
      Act(verb: "create", resource: "rolebindings", group: "rbac.authorization.k8s.io", namespace: namespace),
      Act(verb: "list", resource: "secrets"), Act(verb: "list", resource: "nodes"),
      Act(verb: "get", resource: "nodes", subresource: "proxy"),
      Act(verb: "impersonate", resource: "users"),
    ]
  }

  /// Each is a dozen questions to the API server.
  private static let mostAccounts = 200

  private func agents() async throws -> Finding {
    let known = try await site.client.list(.serviceAccounts, namespace: site.namespace).objects.map(\.name)
    // Those of agents that are there, that of whoever names none, and that of an agent that is not there yet.
    let accounts = ["default", "verify-\(site.mark.id)"] + known.filter { $0 != "default" }
    guard accounts.count <= Self.mostAccounts else {
      throw NotTestable(
        "\(site.namespace) has \(known.count) service accounts, more than the \(Self.mostAccounts) that are asked about"
      )
    }
    var trials: [Trial] = []
    for act in acts(in: site.namespace) {
      var allowed: [String] = []
      for account in accounts where try await isAllowed(act, account: account, of: site.namespace) {
        allowed.append(account)
      }
      trials.append(
        Trial(
          act.text, withoutControl: try await control(act),
          withControl: allowed.isEmpty
            ? .prevented("none of \(accounts.count) accounts may")
            : .succeeded("allowed to \(allowed.joined(separator: ", "))")))
    }
    return Finding(trials)
  }

  // MARK: The operator

  private func operatorRights() async throws -> Finding {
    let names = site.values.namespaces
    let (home, account) = (names.controlPlane, "operator")
    let tenants = site.values.tenants.keys.map { site.values.namespace(of: $0) }
    let elsewhere: [String?] = [
      "default", "kube-system", home, names.vault, names.monitoring, names.ingress, names.sentinel,
    ]
    /// One act wherever it may not be done.
    func outcome(_ act: Act, in places: [String?]) async throws -> AttackOutcome {
      var allowed: [String] = []
      for place in places {
        var act = act
        act.namespace = place
        if try await isAllowed(act, account: account, of: home) { allowed.append(place ?? "all namespaces") }
      }
      return allowed.isEmpty
        ? .prevented("not in any of \(places.map { $0 ?? "all namespaces" }.joined(separator: ", "))")
        : .succeeded("the operator may in \(allowed.joined(separator: ", "))")
    }
    var trials: [Trial] = []
    for (verb, resource, group) in [
      ("create", "pods", ""), ("delete", "pods", ""), ("create", "services", ""), ("patch", "configmaps", ""),
      ("create", "deployments", "apps"), ("delete", "networkpolicies", "networking.k8s.io"),
    ] {
      let act = Act(verb: verb, resource: resource, group: group)
      // What it may do where agents are: so it is the right account that is asked about.
      trials.append(
        Trial(
          "\(act.text) outside of agents' namespaces", withoutControl: try await outcome(act, in: [site.namespace]),
          withControl: try await outcome(act, in: elsewhere + [nil])))
    }
    for (verb, resource, group, places) in [
      ("get", "secrets", "", elsewhere + tenants.sorted() + [nil]),
      ("list", "secrets", "", elsewhere + tenants.sorted() + [nil]),
      ("create", "clusterrolebindings", "rbac.authorization.k8s.io", [nil]), ("patch", "namespaces", "", [nil]),
      ("impersonate", "users", "", [nil]),
    ] {
      let act = Act(verb: verb, resource: resource, group: group)
      trials.append(
        Trial(
          act.text, withoutControl: try await control(act), withControl: try await outcome(act, in: places)))
    }
    return Finding(trials)
  }
}
