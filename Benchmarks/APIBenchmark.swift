import APIClient
import APIModel
import AgentModel
import AuditLog
import CertificateAuthority
import ChildProcess
import Foundation
import JSONValues
import Proxy
import SecretStore
import Storage
import Supervision

/// Requests to the HTTP API at 10,000 agents, over TLS and HTTP/1.1 with connections that stay, through the gateway.
///
/// One node takes some 2,000 agents, so these are put into store and audit log beside the API, and the node, which does
/// not take as many, counts as unreachable.
enum APIBenchmark {
  private static let count = 10_000
  private static let page = 100
  /// An administrator's has 500 requests a second.
  private static let tokens = 64

  static func run() async throws -> [Row] {
    try await BenchmarkPlatform.with { platform in
      let agents = try (0..<count).map(agent)
      var indices: [UInt64] = []
      try await platform.stopped { indices = try await record(agents, in: platform.layout.auditDirectory) }
      var secrets: [String] = []
      for number in 0..<tokens {
        let request = TokenRequest(name: "load-\(number)", role: .admin, tenant: nil, expiresInSeconds: nil)
        secrets.append(try await platform.client.createToken(request).secret)
      }
      try await store(agents, indices, platform.layout)
      return try await Gateway.with(platform.layout) { gateway, directory in
        try await rows(gateway, try script(secrets, in: directory))
      }
    }
  }

  // MARK: The agents

  private static func agent(_ number: Int) throws -> (agent: Agent, uid: AgentUID) {
    let digits = String(number)
    let name = "tenant-\(number / 1_000)/bot-\(String(repeating: "0", count: 5 - digits.count))\(digits)"
    var spec = AgentSpec(image: try parsed(ImageReference("oci:/srv/images/support-bot:1.\(number % 50)")))
    spec.env = ["LOG_LEVEL": "info", "REGION": "eu-1"]
    let labels = ["team": "support-\(number % 20)", "env": "prod"]
    return (Agent(id: try parsed(AgentID(name)), labels: labels, spec: spec), .random())
  }

  /// - Returns: the number of each agent's record, which the API reads back to prove it.
  private static func record(_ agents: [(agent: Agent, uid: AgentUID)], in directory: String) async throws -> [UInt64] {
    let file = try await AuditFile.open(directory: directory)
    let indices = try await withThrowingTaskGroup(of: (Int, UInt64).self) { group in
      for (place, (agent, uid)) in agents.enumerated() {
        group.addTask {
          let record = AuditRecord(
            at: .now, actor: "root", action: "agent.create", target: "agent \(agent.id)", outcome: "allowed",
            details: ["uid": "\(uid)"])
          return (place, try await file.append(record).index)
        }
      }
      return try await group.reduce(into: [UInt64](repeating: 0, count: agents.count)) { $0[$1.0] = $1.1 }
    }
    try await file.close()
    // What is new in it is root's.
    try await Command("chown", ["-R", "--reference=\(directory)", directory]).check()
    return indices
  }

  private static func store(
    _ agents: [(agent: Agent, uid: AgentUID)], _ indices: [UInt64], _ layout: InstanceLayout
  ) async throws {
    let store = try await Store.open(path: layout.database, key: try await storeKey(layout))
    for ((agent, uid), index) in zip(agents, indices) {
      _ = try await store.create(
        StoredAgent(agent: agent, uid: uid, createdAt: .now, creator: "root", auditIndex: index))
    }
    try store.close()
  }

  /// Unwrapped as the control plane does it.
  private static func storeKey(_ layout: InstanceLayout) async throws -> StoreKey {
    let login = try LoginKey(
      pem: try String(contentsOfFile: layout.controlPlaneKey, encoding: .utf8), source: layout.controlPlaneKey)
    let wrapped = try String(contentsOfFile: layout.storeKeyFile, encoding: .utf8)
    let key = try await VaultOperator(layout: layout).withClient { client in
      try await Transit(Vault(client, as: .controlPlane, key: login, in: .default)).decrypt(
        [wrapped], key: "agent-data"
      )
      .first
    }
    return StoreKey(try parsed(key))
  }

  // MARK: The load

  /// The platform's gateway, limits of rate apart: an Envoy with the configuration, the certificates and the way to the
  /// control plane that the platform's own has.
  private enum Gateway {
    static func with<Value>(
      _ layout: InstanceLayout, _ body: (_ address: String, _ directory: String) async throws -> Value
    ) async throws -> Value {
      let directory = try ScratchDirectory()
      defer { directory.remove() }
      var gateway = GatewayLayout(layout, address: "127.0.0.1", port: try freePort())
      (gateway.adminSocket, gateway.accessLog) = ("\(directory.path)/admin.sock", "\(directory.path)/access.jsonl")
      let unlimited = GatewayLayout.Rate(perSecond: 1_000_000, burst: 1_000_000)
      (gateway.limits.address, gateway.limits.token, gateway.limits.everybody) = (unlimited, unlimited, unlimited)
      let bootstrap = "\(directory.path)/bootstrap.json"
      try gateway.bootstrap.text.write(toFile: bootstrap, atomically: true, encoding: .utf8)
      let envoy = BackgroundProgram(
        "gateway", in: directory.path, try PinnedProgram.envoy.locate(nil), gateway.arguments(bootstrap: bootstrap))
      await envoy.start()
      do {
        let address = "https://127.0.0.1:\(gateway.port)"
        try await eventually("the gateway answers", log: envoy.log) {
          try await LoadTest(name: "livez", url: "\(address)/livez").run(connections: 1, seconds: 1).failed == 0
        }
        let value = try await body(address, directory.path)
        await envoy.stop()
        return value
      } catch {
        await envoy.stop()
        throw error
      }
    }
  }

  /// Shows one token after the other.
  private static func script(_ secrets: [String], in directory: String) throws -> String {
    let path = "\(directory)/tokens.lua"
    try """
    local tokens = {\(secrets.map { "\"\($0)\"" }.joined(separator: ", "))}
    local last = 0
    function request()
      last = last % #tokens + 1
      return wrk.format(nil, nil, {["Host"] = wrk.headers["Host"], ["Authorization"] = "Bearer " .. tokens[last]})
    end
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private static func rows(_ gateway: String, _ script: String) async throws -> [Row] {
    func test(_ path: String) -> LoadTest { LoadTest(name: path, url: gateway + path, script: script) }
    let wanted = [
      ("GET one of \(count) agents", "/v1/tenants/tenant-5/agents/bot-05000"),
      ("GET the first \(page) of \(count) agents", "/v1/agents?limit=\(page)"),
      ("GET the last \(page) of \(count) agents", "/v1/agents?limit=\(page)&cursor=tenant-9/bot-09899"),
      ("a scrape, GET /metrics with \(count) agents", "/metrics"),
    ]
    var rows: [Row] = []
    for connections in [1, 16] {
      let results = try await LoadTest.compare(
        wanted.map { test($0.1) } + [test("/livez")], connections: connections, seconds: 5)
      for (place, (what, _)) in wanted.enumerated() {
        rows.append(.load("\(what), c=\(connections)", results[place], "GET /livez", results[wanted.count]))
      }
    }
    return rows
  }
}
