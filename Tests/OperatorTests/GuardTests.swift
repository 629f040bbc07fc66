import Faults
import JSONValues
import KubernetesAPI
import KubernetesRendering
import TestSupport
import Testing

@testable import Operator

/// What admission/guards.yaml says, judged by a real API server: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite("A guard of the API server", .enabled(if: KubernetesServer.isThere), .timeLimit(.minutes(2)))
struct GuardTests {
  private static let pods = OwnedType.pods.resource
  private static let label = "lobstack.dev/gateway-of"

  @Test("lets nobody but the operator make a gateway, change one, or hide that it is one") func gateways() async throws
  {
    try await OperatorWorld.with { world in
      let namespace = OperatorWorld.namespace
      // One that was there before the guards are, and one that is no gateway.
      try await world.client.create(pod("gateway", [Self.label: "bot"]), of: Self.pods)
      try await world.client.create(pod("other", ["app": "other"]), of: Self.pods)
      try await world.applyGuards()
      try await eventually("the guards hold") {
        await refuses {
          try await world.client.create(pod("forged", [Self.label: "bot"]), of: Self.pods, WriteOptions(isDryRun: true))
        }
      }
      let changes: [(String, String, String?, JSON)] = [
        ("the label goes", "gateway", nil, ["metadata": ["labels": [Self.label: .null]]]),
        ("the label is another's", "gateway", nil, ["metadata": ["labels": [Self.label: "victim"]]]),
        (
          "the image is another", "gateway", nil, ["spec": ["containers": [Self.container(image: "r.example.com/x:2")]]]
        ),
        ("the label goes by the status", "gateway", "status", ["metadata": ["labels": [Self.label: .null]]]),
        ("another becomes one", "other", nil, ["metadata": ["labels": [Self.label: "bot"]]]),
      ]
      for (what, name, subresource, change) in changes {
        let isRefused = await refuses {
          try await world.client.patch(
            .merge(change), Self.pods, name, namespace: namespace, subresource: subresource)
        }
        #expect(isRefused, "\(what)")
      }
      // What a kubelet says, and what is no gateway's.
      try await world.client.patch(
        .merge(["status": ["phase": "Running"]]), Self.pods, "gateway", namespace: namespace, subresource: "status")
      try await world.client.patch(
        .merge(["metadata": ["labels": ["app": "more"]]]), Self.pods, "other", namespace: namespace)
    }
  }

  private func refuses(_ body: () async throws -> KubernetesObject) async -> Bool {
    do { _ = try await body() } catch let fault as Fault {
      return fault.reason.contains("only Lobstack's operator")
    } catch { return false }
    return false
  }

  private static func container(image: String) -> JSON {
    [
      "name": "c", "image": .string(image),
      "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
      // As admission fills it in: of a Pod that is there, nothing else may change.
      "resources": [
        "limits": ["cpu": "100m", "memory": "128Mi"], "requests": ["cpu": "50m", "memory": "64Mi"],
      ],
    ]
  }

  /// As Pod Security wants one.
  private func pod(_ name: String, _ labels: [String: String]) -> KubernetesObject {
    var object = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Pod",
      "spec": [
        "automountServiceAccountToken": false,
        "securityContext": [
          "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": ["type": "RuntimeDefault"],
        ],
        "containers": [Self.container(image: "r.example.com/x:1")],
      ],
    ])
    object.name = name
    object.namespace = OperatorWorld.namespace
    object.labels = labels
    return object
  }
}
