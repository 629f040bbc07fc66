import ChildProcess
import ClusterAgents
import Faults
import JSONValues
import KubernetesAPI
import KubernetesRendering
import TestSupport
import Testing

@testable import Operator

/// What admission/guards.yaml lets a sentinel do, judged by a real API server: with `KUBE_APISERVER=path`, otherwise
/// skipped.
@Suite("A guard of the API server about sentinels", .enabled(if: KubernetesServer.isThere), .timeLimit(.minutes(2)))
struct SentinelGuardTests {
  private static let pods = OwnedType.pods.resource
  private static let namespace = OperatorWorld.namespace
  /// Where a deletion has a body, the API server does not look at the query.
  private static let dryRun = #"{"kind":"DeleteOptions","apiVersion":"v1","dryRun":["All"]}"#

  @Test("lets one answer for the agents of its own node alone, and only so") func responses() async throws {
    try await OperatorWorld.with { world in
      for (name, node, isAgent) in [("own", "node-a", true), ("far", "node-b", true), ("other", "node-a", false)] {
        try await world.client.create(Self.pod(name, node: node, isAgent: isAgent), of: Self.pods)
      }
      try await world.client.apply(world.agent("bot"), of: AgentObject.type)
      try await world.applyGuards()
      let label = #"{"metadata":{"labels":{"lobstack.dev/quarantine":"true"}}}"#
      try await eventually("the guards hold") {
        try await Self.ask(world, "PATCH", "pods/far", label) == 403
      }
      func pod(_ method: String, _ name: String, _ body: String, node: String? = "node-a") async throws -> Int {
        try await Self.ask(world, method, "pods/\(name)", body, node: node)
      }
      #expect(try await pod("PATCH", "own", label) == 200)
      #expect(try await pod("DELETE", "own", Self.dryRun) == 200)
      for name in ["far", "other"] {
        #expect(try await pod("PATCH", name, label) == 403, "\(name)")
        #expect(try await pod("DELETE", name, Self.dryRun) == 403, "\(name)")
      }
      #expect(try await pod("DELETE", "own", Self.dryRun, node: nil) == 403)
      for body in [
        #"{"metadata":{"labels":{"lobstack.dev/name":"victim"}}}"#,
        #"{"metadata":{"labels":{"lobstack.dev/agent":null}}}"#,
        #"{"metadata":{"annotations":{"lobstack.dev/response":"alert"}}}"#,
        #"{"metadata":{"finalizers":["example.com/x"]}}"#,
      ] {
        #expect(try await pod("PATCH", "own", body) == 403, "\(body)")
      }
      let condition = """
        {"status":{"conditions":[{"type":"Contained","status":"True","reason":"Killed","message":"m",
        "lastTransitionTime":"2026-01-01T00:00:00Z"}]}}
        """
      let status = "agents/bot/status"
      #expect(try await Self.ask(world, "PATCH", status, condition) == 200)
      #expect(try await Self.ask(world, "PATCH", status, #"{"status":{"phase":"Running"}}"#) == 403)
      let ready = condition.replacing("Contained", with: "Ready")
      #expect(try await Self.ask(world, "PATCH", status, ready) == 403)
    }
  }

  @Test("lets Pods into its namespace that have its directory and nothing else of their node") func pods() async throws
  {
    try await OperatorWorld.with { world in
      try await world.applyGuards()
      let rendered = try #require(
        try world.rendered().first { $0.kind == "DaemonSet" && $0.name == "sentinel" }?["spec", "template"])
      let pods = SentinelPods(client: world.client, template: rendered)
      let bad = pods.bad
      try await eventually("the guards hold") { await pods.refuses(bad[0]) }
      let isGoodRefused = await pods.refuses(pods.spec)
      #expect(!isGoodRefused)
      for spec in bad {
        let isRefused = await pods.refuses(spec)
        #expect(isRefused, "\(spec)")
      }
    }
  }

  /// What a sentinel's token says, said by an administrator for it.
  private static func ask(
    _ world: OperatorWorld, _ method: String, _ path: String, _ body: String, node: String? = "node-a"
  ) async throws -> Int {
    let server = world.server
    let group = path.hasPrefix("agents") ? "apis/lobstack.dev/v1" : "api/v1"
    var headers = [
      "Impersonate-User: system:serviceaccount:lobstack-sentinel:sentinel", "Impersonate-Group: system:masters",
      "Content-Type: \(method == "PATCH" ? "application/merge-patch+json" : "application/json")",
    ]
    if let node { headers.append("Impersonate-Extra-authentication.kubernetes.io%2Fnode-name: \(node)") }
    let answer = try await Command(
      "curl",
      [
        "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert", "\(server.directory)/ca.crt",
        "--cert", "\(server.directory)/admin.crt", "--key", "\(server.directory)/admin.key", "--request", method,
        "--data", body,
      ] + headers.flatMap { ["--header", $0] } + [
        "\(server.url)/\(group)/namespaces/\(namespace)/\(path)?dryRun=All"
      ]
    ).check()
    return Int(answer) ?? 0
  }

  /// As Pod Security wants one, on a node.
  private static func pod(_ name: String, node: String, isAgent: Bool) -> KubernetesObject {
    var object = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Pod",
      "spec": [
        "nodeName": .string(node), "automountServiceAccountToken": false,
        "securityContext": [
          "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": ["type": "RuntimeDefault"],
        ],
        "containers": [
          [
            "name": "c", "image": "r.example.com/x:1",
            "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
          ]
        ],
      ],
    ])
    object.name = name
    object.namespace = namespace
    object.labels = isAgent ? ["lobstack.dev/agent": "true", "lobstack.dev/name": name] : ["app": name]
    return object
  }
}

/// Pods in the sentinel's namespace, as dry runs.
private struct SentinelPods {
  let client: KubernetesClient
  /// Of the rendered DaemonSet.
  let template: JSON

  var spec: [String: JSON] { template["spec"]?.object ?? [:] }

  /// Whether the guard is what refuses such a Pod.
  func refuses(_ spec: [String: JSON]) async -> Bool {
    var pod = KubernetesObject(fields: ["apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"] ?? [:]])
    pod.fields["spec"] = .object(spec)
    pod.name = "sentinel"
    pod.namespace = "lobstack-sentinel"
    do {
      _ = try await client.create(pod, of: ResourceType(plural: "pods"), WriteOptions(isDryRun: true))
      return false
    } catch {
      return "\(error)".contains("lobstack-sentinel-pods")
    }
  }

  /// With one thing each that the guard has to refuse.
  var bad: [[String: JSON]] {
    let securities: [JSON] = [
      ["allowPrivilegeEscalation": true], [:],
      ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"], "add": ["SYS_ADMIN"]]],
      ["allowPrivilegeEscalation": false, "runAsUser": 0, "capabilities": ["drop": ["ALL"]]],
      Self.bound(["seccompProfile": ["type": "Unconfined"]]), Self.bound(["appArmorProfile": ["type": "Unconfined"]]),
      Self.bound(["seLinuxOptions": ["type": "spc_t"]]),
    ]
    let parts: [[String: JSON]] = [
      ["ports": [["containerPort": 80, "hostPort": 80]]],
      ["livenessProbe": ["httpGet": ["host": "192.0.2.1", "port": 80]]],
      ["lifecycle": ["preStop": ["tcpSocket": ["host": "192.0.2.1", "port": 80]]]],
    ]
    let ofPods: [[String: JSON]] = [
      ["runAsUser": 0], ["sysctls": [["name": "kernel.msgmax", "value": "1"]]],
      ["appArmorProfile": ["type": "Unconfined"]], ["seLinuxOptions": ["user": "root"]],
    ]
    let volumes: [JSON] = [
      ["name": "root", "hostPath": ["path": "/", "type": "Directory"]],
      ["name": "v", "nfs": ["server": "192.0.2.1", "path": "/"]],
      ["name": "v", "iscsi": ["targetPortal": "192.0.2.1", "iqn": "iqn.2000-01.com.example:x", "lun": 0]],
    ]
    var all = [with(["hostPID": true]), with(["hostNetwork": true])]
    all += securities.map { container(["securityContext": $0]) }
    all += parts.map { container($0.merging(["securityContext": Self.bound([:])]) { $1 }) }
    all += ofPods.map {
      with(["securityContext": .object((spec["securityContext"]?.object ?? [:]).merging($0) { $1 })])
    }
    all += volumes.map { with(["volumes": .array((spec["volumes"]?.array ?? []) + [$0])]) }
    return all
  }

  /// As Pod Security wants a container, but for what is added.
  private static func bound(_ more: [String: JSON]) -> JSON {
    .object(["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]].merging(more) { $1 })
  }

  private func with(_ more: [String: JSON]) -> [String: JSON] { spec.merging(more) { $1 } }

  private func container(_ more: [String: JSON]) -> [String: JSON] {
    let container: [String: JSON] = ["name": "more", "image": "i"]
    return with(["containers": .array((spec["containers"]?.array ?? []) + [.object(container.merging(more) { $1 })])])
  }
}
