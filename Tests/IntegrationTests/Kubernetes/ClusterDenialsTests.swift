import APIModel
import AgentModel
import ChildProcess
import Foundation
import JSONValues
import KubernetesAPI
import TestSupport
import Testing

/// The real program before a real API server, which asks a kubelet for logs: that one is a stub, since a real one needs a
/// node. With `KUBE_APISERVER=path`, otherwise skipped.
@Suite("The denials of a cluster", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(4)))
struct ClusterDenialsTests {
  private static let pods = ResourceType(plural: "pods")
  private static let nodes = ResourceType(plural: "nodes", isNamespaced: false)
  private static let document = """
    {apiVersion: lobstack.dev/v1, kind: Agent, metadata: {name: NAME, tenant: TENANT},
     spec: {image: "docker://registry.example.com/team/bot:1.4", egress: [{host: api.example.org}]}}
    """

  @Test("are what gateways and name servers wrote, each tenant's for who may see it, page by page") func reads()
    async throws
  {
    try await ClusterWorld.with { world in
      let acme = try #require(TenantName("acme"))
      let token = try await world.account("ci", .default, role: "lobstack-agent-editor").token()
      let other = try await world.account("other", acme, role: "lobstack-agent-editor").token()
      try await kubelet(world) {
        try await world.planes(1) {
          for (name, tenant, who) in [("bot", "default", token), ("bot", "acme", other)] {
            let text = Self.document.replacing("NAME", with: name).replacing("TENANT", with: tenant)
            try await world.lobstack(["agent", "create", "-f", "-"], as: who, input: text).ok()
          }
          try await gateway(
            "bot-gateway-1", .default, world, lines: [Self.call("12:00:01"), Self.call("12:00:01"), "x"])
          try await gateway("bot-gateway-2", acme, world, lines: [Self.call("12:00:02", host: "acme.example.net")])
          try await pod(
            "name-server-1", "name-server", in: "lobstack-control-plane", ["app.kubernetes.io/name": "name-server"],
            world,
            lines: [
              Self.query("12:00:03", of: "default/bot"), Self.query("12:00:04", of: "acme/bot"),
              Self.query("12:00:05", of: nil),
            ])
          func denials(_ arguments: String..., as who: String) async throws -> [DenialResource] {
            try await world.lobstack(["denials", "-o", "json"] + arguments, as: who).ok().json([DenialResource].self)
          }
          let own = try await denials(as: token)
          #expect(own.map(\.rule) == ["dns-refused-name", "proxy-tls"] && own.map(\.count) == [1, 2], "\(own)")
          #expect(own.allSatisfy { $0.agent?.description == "default/bot" })
          #expect(own.map(\.remedy) == Array(repeating: "add to spec.egress: {host: evil.example.net}", count: 2))
          #expect(try await denials("--agent", "default/bot", as: token) == own)
          let acmes = try await denials(as: other)
          #expect(acmes.map { $0.agent?.description } == ["acme/bot", "acme/bot"])
          #expect(try await denials("--agent", "default/bot", as: other).isEmpty)

          let first = try await world.curl("/v1/denials?limit=1", ["-H", "Authorization: Bearer \(token)"])
          let cursor = try #require(first.body.firstMatch(of: /"next":"([0-9]+)"/)?.1)
          let second = try await world.curl(
            "/v1/denials?limit=1&cursor=\(cursor)", ["-H", "Authorization: Bearer \(token)"])
          #expect(second.body.contains("proxy-tls") && !second.body.contains("next"), "\(second)")

          // More than is read of one.
          try await log("bot-gateway-1", "envoy", world, (0..<400).map { _ in Self.call("12:00:01") })
          let cut = try await denials(as: token)
          #expect(cut.map(\.count).contains(300))
          #expect(cut.contains { $0.rule == "unread" && $0.details?.contains("kubectl logs bot-gateway-1") == true })
          try await log("bot-gateway-1", "envoy", world, nil)
          let broken = try await denials(as: token)
          #expect(broken.contains { $0.rule == "unread" && $0.agent?.description == "default/bot" }, "\(broken)")
        }
      }
    }
  }

  // MARK: What is refused

  private static func call(_ time: String, host: String = "evil.example.net") -> String {
    #"{"agent":"agent-bot","details":null,"flags":"NR","host":"\#(host)","kind":"tls","#
      + #""time":"2026-01-31T\#(time).000Z"}"#
  }

  private static func query(_ time: String, of agent: String?) throws -> String {
    let denial = DenialResource(
      time: try #require(APIJSON.date("2026-01-31T\(time)Z")), agent: agent.flatMap { AgentID($0) },
      rule: "dns-refused-name", protocol: "dns", source: "10.1.2.3", destination: "", port: nil,
      host: "evil.example.net", method: "A", count: 1)
    return String(decoding: try APIJSON.encode(denial), as: UTF8.self)
  }

  // MARK: What a cluster has

  private func gateway(_ name: String, _ tenant: TenantName, _ world: ClusterWorld, lines: [String]) async throws {
    try await pod(
      name, "envoy", in: world.namespace(tenant), ["lobstack.dev/gateway-of": "bot"], world, lines: lines)
  }

  private func pod(
    _ name: String, _ container: String, in namespace: String, _ labels: [String: String], _ world: ClusterWorld,
    lines: [String]
  ) async throws {
    var pod = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Pod",
      "spec": [
        "nodeName": "node-a", "automountServiceAccountToken": false,
        "securityContext": ["runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": ["type": "RuntimeDefault"]],
        "containers": [
          [
            "name": .string(container), "image": "r.example.com/x:1",
            "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
          ]
        ],
      ],
    ])
    (pod.name, pod.namespace, pod.labels) = (name, namespace, labels)
    try await world.client.create(pod, of: Self.pods)
    let status: JSON = [
      "phase": "Running",
      "containerStatuses": [
        [
          "name": .string(container), "image": "x", "imageID": "x", "ready": true, "restartCount": 0,
          "state": ["running": ["startedAt": "2026-01-31T11:00:00Z"]],
        ]
      ],
    ]
    try await world.client.patch(
      .merge(["status": status]), Self.pods, name, namespace: namespace, subresource: "status")
    try await log(name, container, world, lines)
  }

  /// - Parameter lines: `nil` has the kubelet fail.
  private func log(_ pod: String, _ container: String, _ world: ClusterWorld, _ lines: [String]?) async throws {
    let text = lines?.map { $0 + "\n" }.joined() ?? "broken"
    try text.write(toFile: "\(world.server.directory)/\(pod).\(container)", atomically: true, encoding: .utf8)
  }

  private static let kubelet = """
    import http.server, ssl, sys, urllib.parse
    directory, address = sys.argv[1:]
    class Kubelet(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            pod, container = url.path.split("/")[3:5]
            lines = open(f"{directory}/{pod}.{container}").readlines()
            broken = lines == ["broken"]
            count = int(urllib.parse.parse_qs(url.query)["tailLines"][0])
            body = "".join(lines[-count:]).encode()
            self.send_response(500 if broken else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    server = http.server.ThreadingHTTPServer((address, 10250), Kubelet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/plane.crt", f"{directory}/plane.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
    """

  /// Runs a stub of the kubelet of node-a while a body runs.
  private func kubelet(_ world: ClusterWorld, _ body: () async throws -> Void) async throws {
    var node = KubernetesObject(fields: ["apiVersion": "v1", "kind": "Node"])
    node.name = "node-a"
    try await world.client.create(node, of: Self.nodes)
    try await world.client.patch(
      .merge([
        "status": [
          "addresses": [["type": "InternalIP", "address": .string(world.server.address)]],
          "daemonEndpoints": ["kubeletEndpoint": ["Port": 10250]],
        ]
      ]), Self.nodes, "node-a", subresource: "status")
    let (directory, address) = (world.server.directory, world.server.address)
    let task = Task {
      try await Command("/usr/bin/python3", ["-c", Self.kubelet, directory, address])
        .run(appendingTo: "\(directory)/kubelet.log", timeout: .seconds(170))
    }
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    task.cancel()
    // However it ended: it was cancelled.
    _ = try? await task.value
    try result.get()
  }
}
