import ChildProcess
import ClusterAgents
import JSONValues
import KubernetesAPI
import TestSupport
import Testing

@testable import Operator

/// What admission/guards.yaml lets the control plane do, judged by a real API server: with `KUBE_APISERVER=path`,
/// otherwise skipped.
@Suite(
  "A guard of the API server about the control plane", .enabled(if: KubernetesServer.isThere), .timeLimit(.minutes(2)))
struct ControlPlaneGuardTests {
  private static let agents = "apis/lobstack.dev/v1/namespaces/\(OperatorWorld.namespace)/agents"

  @Test("lets it run programs in agents' containers alone, and say of an Agent that it is contained") func rights()
    async throws
  {
    try await OperatorWorld.with { world in
      for namespace in [OperatorWorld.namespace, "default"] {
        try await world.client.create(Self.pod(in: namespace), of: OwnedType.pods.resource)
      }
      try await world.client.apply(world.agent("bot"), of: AgentObject.type)
      try await world.applyGuards()
      func run(_ query: String, in namespace: String = OperatorWorld.namespace) async throws -> Int {
        try await Self.ask(
          world, "GET", "api/v1/namespaces/\(namespace)/pods/bot/exec?command=id&stdout=true&\(query)", nil)
      }
      try await eventually("the guards hold") { try await run("container=gateway") == 403 }
      // Past the guard: the Pod is on no node.
      #expect(try await run("container=agent") == 400)
      #expect(try await run("") == 403)
      #expect(try await run("container=agent&tty=true") == 403)
      #expect(try await run("container=agent", in: "default") == 403)

      func status(_ body: String) async throws -> Int {
        try await Self.ask(world, "PATCH", "\(Self.agents)/bot/status?dryRun=All", body)
      }
      func condition(_ type: String) -> String {
        """
        {"status":{"conditions":[{"type":"\(type)","status":"True","reason":"Killed","message":"m",
        "lastTransitionTime":"2026-01-01T00:00:00Z"}]}}
        """
      }
      #expect(try await status(condition("Contained")) == 200)
      #expect(try await status(condition("Ready")) == 403)
      #expect(try await status(#"{"status":{"phase":"Running"}}"#) == 403)
    }
  }

  /// As the control plane's account, which may do everything but for the guards.
  private static func ask(
    _ world: OperatorWorld, _ method: String, _ path: String, _ body: String?
  ) async throws -> Int {
    let server = world.server
    let answer = try await Command(
      "curl",
      [
        "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert", "\(server.directory)/ca.crt",
        "--cert", "\(server.directory)/admin.crt", "--key", "\(server.directory)/admin.key", "--request", method,
        "--header", "Impersonate-User: system:serviceaccount:lobstack-control-plane:control-plane", "--header",
        "Impersonate-Group: system:masters", "--header", "Content-Type: application/merge-patch+json",
      ] + (body.map { ["--data", $0] } ?? []) + ["\(server.url)/\(path)"]
    ).check()
    return Int(answer) ?? 0
  }

  private static func pod(in namespace: String) -> KubernetesObject {
    var pod = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Pod",
      "spec": [
        "automountServiceAccountToken": false,
        "securityContext": [
          "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": ["type": "RuntimeDefault"],
        ],
        "containers": [
          [
            "name": "agent", "image": "r.example.com/x:1",
            "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
          ],
          [
            "name": "gateway", "image": "r.example.com/x:1",
            "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
          ],
        ],
      ],
    ])
    pod.name = "bot"
    pod.namespace = namespace
    return pod
  }
}
