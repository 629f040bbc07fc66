import JSONValues
import KubernetesAPI

/// A Pod that the API server takes for one that runs on a node; no kubelet runs it.
struct PlacedPod {
  static let type = ResourceType(plural: "pods")

  let name: String
  let node: String
  let uid: String

  init(
    _ name: String, in namespace: String, on node: String, account: String = "default",
    labels: [String: JSON] = [:], by client: KubernetesClient
  ) async throws {
    var pod = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Pod", "metadata": ["labels": .object(labels)],
      "spec": [
        "nodeName": .string(node), "serviceAccountName": .string(account), "automountServiceAccountToken": false,
        "securityContext": ["runAsNonRoot": true, "runAsUser": 65_532, "seccompProfile": ["type": "RuntimeDefault"]],
        "containers": [
          [
            "name": "c", "image": "r.test/c:1",
            "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
          ]
        ],
      ],
    ])
    pod.name = name
    pod.namespace = namespace
    uid = try await client.create(pod, of: Self.type).uid ?? ""
    self.name = name
    self.node = node
  }

  /// Of an agent.
  init(agent: String, in namespace: String, on node: String, by client: KubernetesClient) async throws {
    try await self.init(
      "\(agent)-0", in: namespace, on: node,
      labels: ["lobstack.dev/agent": "true", "lobstack.dev/name": .string(agent)], by: client)
  }
}
