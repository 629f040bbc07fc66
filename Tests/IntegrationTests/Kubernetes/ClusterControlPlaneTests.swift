import APIModel
import AgentModel
import ChildProcess
import Foundation
import JSONValues
import KubernetesAPI
import TestSupport
import Testing

/// The real program, by the real command line, before a real API server: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite(
  "The control plane of a cluster", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(4)))
struct ClusterControlPlaneTests {
  private static let agents = ResourceType(group: "lobstack.dev", plural: "agents")
  private static let document = """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata: {name: bot, labels: {team: support}}
    spec: {image: "docker://registry.example.com/team/bot:1.4", env: {LEVEL: info}, secrets: [{name: token}]}
    """

  @Test("does with Agents what the same commands do on one machine, on any replica") func life() async throws {
    try await ClusterWorld.with { world in
      let token = try await world.account("ci", .default, role: "lobstack-agent-editor").token()
      try await world.planes(2) {
        let created = try await world.lobstack(
          ["agent", "create", "-f", "-", "-o", "json"], as: token, input: Self.document
        ).ok().json(AgentResource.self)
        #expect(created.status.phase == .pending && created.metadata.labels == ["team": "support"])

        // What one replica made, another reads at once, and lists a moment later.
        let read = try await world.lobstack(["agent", "get", "bot", "-o", "json"], on: 1, as: token).ok()
          .json(AgentResource.self)
        #expect(read.metadata.uid == created.metadata.uid && read.spec == created.spec)
        try await eventually("the other replica lists it", within: .seconds(10)) {
          try await world.lobstack(["agent", "list", "-o", "json"], on: 1, as: token).ok()
            .json([AgentResource].self).map(\.metadata.name.description) == ["bot"]
        }
        // The caller is who asked, not the control plane's account.
        let object = try await world.client.get(Self.agents, "bot", namespace: world.namespace(.default))
        let name = "system:serviceaccount:lobstack-agents:ci"
        #expect(object.annotations["lobstack.dev/requested-by"] == name)
        #expect(try world.output(0).contains(#""action":"agent.create","actor":"\#(name)""#))

        // The same again changes nothing; another document does.
        let same = try await world.lobstack(
          ["agent", "apply", "-f", "-", "-o", "json"], as: token, input: Self.document
        )
        .ok().json(AgentResource.self)
        #expect(same.metadata.generation == 1)
        let changed = try await world.lobstack(
          ["agent", "apply", "-f", "-", "-o", "json"], on: 1, as: token,
          input: Self.document.replacing("info", with: "debug")
        ).ok().json(AgentResource.self)
        #expect(changed.metadata.generation == 2 && changed.spec.env["LEVEL"] == "debug")

        try await world.lobstack(["agent", "stop", "bot"], as: token).ok()
        let stopped = try await world.client.get(Self.agents, "bot", namespace: world.namespace(.default))
        #expect(stopped.annotations["lobstack.dev/stopped"] == "true")
        try await world.lobstack(["agent", "start", "bot"], on: 1, as: token).ok()
        let started = try await world.client.get(Self.agents, "bot", namespace: world.namespace(.default))
        #expect(started.annotations["lobstack.dev/stopped"] == nil && started.labels == ["team": "support"])

        let twice = try await world.lobstack(["agent", "create", "-f", "-"], as: token, input: Self.document)
        #expect(twice.code == 1 && twice.error.contains("the tenant has an agent of that name"), "\(twice)")
        let wrong = try await world.lobstack(
          ["agent", "apply", "-f", "-"], as: token, input: Self.document.replacing("docker:", with: "oci:"))
        #expect(wrong.code == 1 && wrong.error.contains("spec.image"), "\(wrong)")
        let logs = try await world.lobstack(["agent", "logs", "bot"], as: token)
        #expect(logs.code == 1 && logs.error.contains("there is no such object"), "\(logs)")
        // There is neither a name server nor a gateway here: whose logs there are is asked all the same.
        let denials = try await world.lobstack(["denials", "--agent", "bot", "-o", "json"], as: token).ok()
        #expect(try denials.json([DenialResource].self).isEmpty)
        let secrets = try await world.lobstack(["secret", "list", "-o", "json"], as: token).ok()
          .json([SecretResource].self)
        #expect(secrets.map { "\($0.name) \($0.agents ?? []) \($0.inUse == true)" } == ["token [bot] false"])

        for (name, note) in [("1", "Critical: Miner: xmrig: ran"), ("2", "Warning: Shell: sh"), ("3", "no alert")] {
          try await world.tellAlert(of: "bot", name, note)
        }
        let alerts = try await world.lobstack(["alerts", "-o", "json"], on: 1, as: token).ok()
          .json([AlertResource].self)
        #expect(alerts.map(\.rule) == ["Shell", "Miner"] && alerts.last?.output == "xmrig: ran")
        #expect(alerts.allSatisfy { $0.agent.map { "\($0)" } == "default/bot" })
        let critical = try await world.lobstack(
          ["alerts", "-o", "json", "--priority", "error", "--agent", "bot"], as: token
        ).ok().json([AlertResource].self)
        #expect(critical.map(\.rule) == ["Miner"])

        try await world.lobstack(["agent", "delete", "bot"], as: token).ok()
        let gone = try await world.lobstack(["agent", "get", "bot"], as: token)
        #expect(gone.code == 1 && gone.error.contains("there is no agent default/bot"), "\(gone)")
      }
    }
  }

  @Test("lets a caller do what the cluster's RBAC says, and see nothing of other tenants") func rights() async throws {
    try await ClusterWorld.with { world in
      let acme = try #require(TenantName("acme"))
      let ci = try await world.account("ci", .default, role: "lobstack-agent-editor")
      let token = try ci.token()
      let viewer = try await world.account("viewer", .default, role: "lobstack-agent-viewer").token()
      let other = try await world.account("other", acme, role: "lobstack-agent-editor").token()
      let nobody = try await world.account("nobody", .default).token()
      try await world.planes(1) {
        try await world.lobstack(["agent", "create", "-f", "-"], as: token, input: Self.document).ok()

        try await world.lobstack(["agent", "get", "bot"], as: viewer).ok()
        let refused = try await world.lobstack(["agent", "stop", "bot"], as: viewer)
        #expect(refused.code == 1 && refused.error.contains("may not update agents.lobstack.dev"), "\(refused)")

        // As for a name that nobody uses.
        for command in [["agent", "get", "bot"], ["agent", "delete", "bot"], ["agent", "apply", "-f", "-"]] {
          let unseen = try await world.lobstack(command, as: other, input: Self.document)
          #expect(unseen.code == 1 && unseen.error.contains("there is no agent default/bot"), "\(unseen)")
        }
        let own = try await world.lobstack(["agent", "list", "-o", "json"], as: other).ok()
        #expect(try own.json([AgentResource].self).isEmpty)
        let create = try await world.lobstack(["agent", "create", "-f", "-"], as: other, input: Self.document)
        #expect(create.code == 1 && create.error.contains("may not create"), "\(create)")
        for command in [["denials"], ["secret", "list"]] {
          let hidden = try await world.lobstack(command, as: nobody)
          #expect(hidden.code == 1 && hidden.error.contains("may not list"), "\(hidden)")
        }
        let others = try await world.lobstack(["denials", "--agent", "bot", "-o", "json"], as: other).ok()
        #expect(try others.json([DenialResource].self).isEmpty)
        let list = try await world.lobstack(["agent", "list"], as: nobody)
        #expect(list.code == 1 && list.error.contains("may not list"), "\(list)")

        for (path, who, status) in [
          ("/v1/agents", nobody, 403), ("/v1/tenants/default/agents/bot", nobody, 404),
          ("/v1/tenants/default/agents/bot", other, 404), ("/v1/tenants/none/agents/bot", token, 404),
          ("/v1/agents", try ci.token(life: -60), 401),
          // For the API server itself, and so not for us: we could use it there.
          ("/v1/agents", try ci.token(for: "https://kubernetes.default.svc"), 401),
          ("/v1/agents", token + "x", 401), ("/v1/tokens", token, 501),
        ] {
          let answer = try await world.curl(path, ["-H", "Authorization: Bearer \(who)"])
          #expect(answer.status == status && answer.headers.contains("application/problem+json"), "\(path) \(answer)")
        }
        let identity = try await world.curl("/v1/identity", ["-H", "Authorization: Bearer \(token)"])
        #expect(identity.body.contains("system:serviceaccount:lobstack-agents:ci"))
      }
    }
  }

  @Test("says where an agent is called to who has the right to its ports, and to nobody else") func calls() async throws
  {
    try await ClusterWorld.with { world in
      let acme = try #require(TenantName("acme"))
      let token = try await world.account("ci", .default, role: "lobstack-agent-editor").token()
      let viewer = try await world.account("viewer", .default, role: "lobstack-agent-viewer").token()
      let other = try await world.account("other", acme, role: "lobstack-agent-editor").token()
      try await world.planes(1) {
        func ask(_ path: String, _ who: String, _ more: String...) async throws -> (status: Int, gateway: String?) {
          let answer = try await world.curl(
            "/internal/authorize\(path)", ["-H", "Authorization: Bearer \(who)"] + more)
          let lines = answer.headers.split(separator: "\r\n").map { $0.split(separator: ": ", maxSplits: 1) }
          return (answer.status, lines.first { $0[0].lowercased() == "x-lobstack-agent-gateway" }.map { "\($0[1])" })
        }
        for (name, ports) in [("bot", "ports: {http: 8080}, "), ("mute", "")] {
          try await world.lobstack(
            ["agent", "create", "-f", "-"], as: token,
            input: Self.document.replacing("name: bot", with: "name: \(name)").replacing("env:", with: "\(ports)env:")
          ).ok()
        }
        try await eventually("it does not run yet", within: .seconds(10)) {
          try await ask("/agents/default/bot/x", token).status == 503
        }
        try await world.setPhase("Running", of: "bot")
        try await eventually("it may be called", within: .seconds(10)) {
          try await ask("/agents/default/bot/x", token).status == 200
        }
        let known = try await ask("/agents/default/bot/x", token, "-X", "POST", "-d", "")
        #expect(known.status == 200 && known.gateway == "gateway-bot.lobstack-agents")
        for (path, who, status) in [
          ("/agents/default/bot/x", viewer, 403), ("/agents/default/bot/x", other, 404),
          ("/agents/default/bot/x", token + "x", 401), ("/agents/default/none/x", token, 404),
          ("/agents/default/mute/x", token, 404), ("/agents/none/bot/x", token, 404), ("/v1/agents", token, 404),
          ("/agents/default", token, 404),
        ] {
          let answer = try await ask(path, who)
          #expect(answer.status == status && answer.gateway == nil, "\(path) \(answer)")
        }
        let refusal = #""action":"access","actor":"system:serviceaccount:lobstack-agents:viewer""#
        #expect(try world.output(0).contains(refusal))
      }
    }
  }

  @Test("keeps to the conditions of a request, and makes once what is asked twice") func conditions() async throws {
    try await ClusterWorld.with { world in
      let token = try await world.account("ci", .default, role: "lobstack-agent-editor").token()
      let path = "/v1/tenants/default/agents/bot"
      try await world.planes(2) {
        func ask(_ path: String, _ method: String, on replica: Int = 0, _ headers: String..., body: String? = nil)
          async throws -> (status: Int, headers: String, body: String)
        {
          let all = (headers + ["Authorization: Bearer \(token)"]).flatMap { ["-H", $0] }
          return try await world.curl(
            path, on: replica, ["-X", method] + all + (body.map { ["--data-binary", $0] } ?? []))
        }
        let first = try await ask("/v1/agents", "POST", "Idempotency-Key: one", body: Self.document)
        let again = try await ask("/v1/agents", "POST", on: 1, "Idempotency-Key: one", body: Self.document)
        #expect(first.status == 201 && again.status == 201 && first.body == again.body)
        #expect(try await ask("/v1/agents", "POST", "Idempotency-Key: two", body: Self.document).status == 409)

        let etag = try #require(first.headers.firstMatch(of: /(?i)etag: ("[0-9]+")/)?.1)
        let changed = Self.document.replacing("info", with: "debug")
        #expect(try await ask(path, "PUT", "If-Match: \(etag)", body: changed).status == 200)
        let old = try await ask(path, "PUT", on: 1, "If-Match: \(etag)", body: Self.document)
        #expect(old.status == 412)
        #expect(try await ask(path, "DELETE", "If-Match: \(etag)").status == 412)
        #expect(try await ask(path, "PUT", "If-None-Match: *", body: Self.document).status == 412)
        #expect(try await ask(path, "PUT", "If-Match: x", body: Self.document).status == 400)
        #expect(try await ask(path, "DELETE").status == 202)
        #expect(try await ask(path, "PUT", "If-Match: \(etag)", body: Self.document).status == 412)
        #expect(try await ask(path, "PUT", "If-None-Match: *", body: Self.document).status == 201)

        // A browser's session counts on each replica, for pages of the dashboard alone.
        let login = try await ask("/v1/session", "POST")
        let cookie = try #require(login.headers.firstMatch(of: /(?i)set-cookie: (__Host-lobstack-session=[^;]+)/)?.1)
        let session = try APIJSON.decode(SessionResource.self, from: login.body.utf8)
        func browse(_ path: String, _ more: String...) async throws -> Int {
          try await world.curl(path, on: 1, ["-H", "Cookie: \(cookie)"] + more).status
        }
        #expect(login.status == 201 && session.name == "system:serviceaccount:lobstack-agents:ci")
        #expect(try await browse("/v1/agents") == 200)
        #expect(try await browse("\(path)/stop", "-X", "POST") == 401)
        #expect(try await browse("\(path)/stop", "-X", "POST", "-H", "x-csrf-token: \(session.csrfToken)") == 202)
      }
    }
  }

  @Test("says that the API server is away, and goes on when it is back") func away() async throws {
    try await ClusterWorld.with { world in
      let token = try await world.account("ci", .default, role: "lobstack-agent-editor").token()
      try await world.planes(1) {
        try await world.lobstack(["agent", "create", "-f", "-"], as: token, input: Self.document).ok()
        await world.server.stopAPI()
        let answer = try await world.curl(
          "/v1/tenants/default/agents/bot", ["-H", "Authorization: Bearer \(token)"])
        #expect(answer.status == 503 && answer.headers.contains(/(?i)retry-after:/), "\(answer)")
        let command = try await world.lobstack(["agent", "get", "bot"], as: token)
        #expect(command.code == 3 && command.error.contains("API server does not answer"), "\(command)")
        #expect(try await world.curl("/livez", []).status == 200)
        try await world.server.startAPI()
        try await world.lobstack(["agent", "get", "bot"], as: token).ok()
        try await eventually("the list goes on", within: .seconds(60)) {
          try await world.lobstack(["status"], as: token).code == 0
        }
      }
    }
  }
}
