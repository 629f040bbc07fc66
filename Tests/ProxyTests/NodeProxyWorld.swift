import AgentModel
import ChildProcess
import Foundation
import JSONValues
import Proxy
import Testing

/// A node proxy of a test's own between two agents (addresses of a loopback range), a stub of the outside and a stub
/// of the control plane; all ended and removed afterwards.
final class NodeProxyWorld: Sendable {
  let directory: String
  let layout: NodeProxyLayout
  let driver: EnvoyDriver
  private let range: String
  private let processes = [ProcessTask(), ProcessTask(), ProcessTask()]

  enum Agent: String, CaseIterable {
    case one, two
    /// Somebody at an address that no agent has.
    case nobody
  }

  func address(of agent: Agent) -> String {
    switch agent {
    case .one: "\(range).2"
    case .two: "\(range).6"
    case .nobody: "\(range).9"
    }
  }

  var admin: EnvoyAdmin { driver.admin }
  var log: String { (try? String(contentsOfFile: "\(directory)/envoy.log", encoding: .utf8)) ?? "" }
  private var denialText: String { (try? String(contentsOfFile: layout.denialLog, encoding: .utf8)) ?? "" }

  private init() throws {
    // Short, since the path of a Unix socket has at most 107 bytes.
    directory = "/tmp/lob-\(String(UInt64.random(in: 0..<(1 << 40)), radix: 36))"
    range = "127.\(Int.random(in: 64..<255)).\(Int.random(in: 0..<255))"
    let files = EnvoyFiles(directory: "\(directory)/dynamic")
    var layout = NodeProxyLayout(
      files: files, adminSocket: "\(directory)/admin.sock", denialLog: "\(directory)/denials.jsonl",
      serviceAddress: "\(range).1", apiSocket: "\(directory)/api.sock", ingressSocket: "\(directory)/ingress.sock")
    layout.hostRoots = "\(directory)/web.crt"
    layout.resolver = .init(address: "\(range).10", port: 10053)
    layout.hostPort = 10443
    layout.drainSeconds = 2
    self.layout = layout
    driver = EnvoyDriver(
      files: files, admin: EnvoyAdmin(socket: layout.adminSocket), logFile: "\(directory)/envoy.log",
      deadline: .seconds(30))
    try FileManager.default.createDirectory(atPath: files.directory, withIntermediateDirectories: true)
    try files.prepare()
  }

  /// A world whose certificates exist and in which nothing runs.
  static func with(_ body: (NodeProxyWorld) async throws -> Void) async throws {
    let world = try NodeProxyWorld()
    do {
      try await world.makeCertificates()
      try await body(world)
    } catch {
      await world.remove()
      throw error
    }
    await world.remove()
  }

  /// A world in which all runs, with the given change of its usual state.
  static func running(
    _ change: (inout NodeProxyState, NodeProxyWorld) throws -> Void = { _, _ in },
    _ body: (NodeProxyWorld) async throws -> Void
  ) async throws {
    try await with { world in
      try await world.start()
      var state = try world.state()
      try change(&state, world)
      _ = try await world.driver.apply(NodeProxy(layout: world.layout).files(state), version: "1")
      try await body(world)
    }
  }

  private func remove() async {
    for process in processes { await process.stop() }
    // What is left over is in /tmp; the test's verdict stands without it.
    try? FileManager.default.removeItem(atPath: directory)
  }

  private func start() async throws {
    try NodeProxyStub.script.write(toFile: "\(directory)/stub.py", atomically: true, encoding: .utf8)
    let ports = [(Agent.one, 8080), (.one, 8765), (.two, 8080)].map { "\(address(of: $0.0)):\($0.1)" }
    await processes[0].start(
      Command("/usr/bin/python3", ["\(directory)/stub.py", "\(range).10", directory] + ports),
      log: "\(directory)/stub.log")
    try controlPlane.text.write(toFile: "\(directory)/api.json", atomically: true, encoding: .utf8)
    await processes[1].start(
      Command(
        envoyProgram, ["-c", "\(directory)/api.json", "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]),
      log: "\(directory)/api.log")
    let proxy = NodeProxy(layout: layout)
    try proxy.bootstrap.text.write(toFile: "\(directory)/bootstrap.json", atomically: true, encoding: .utf8)
    await processes[2].start(
      Command(envoyProgram, proxy.arguments(bootstrap: "\(directory)/bootstrap.json")), log: "\(directory)/envoy.log")
    try await eventually { try await self.admin.server().state == "LIVE" }
    try await eventually { FileManager.default.fileExists(atPath: "\(self.directory)/ready") }
    try await eventually { FileManager.default.fileExists(atPath: self.layout.apiSocket) }
  }

  // MARK: The state

  func state() throws -> NodeProxyState {
    typealias Example = NodeProxyExample
    func key(_ name: String) throws -> CredentialKey { .tenant(try Example.tenant("acme"), try Example.secret(name)) }
    let names = try ["key", "second", "unset"].map { (try Example.secret($0), try key($0)) }
    let one = ProxiedAgent(
      id: try Example.id("acme/one"), address: address(of: .one), certificate: try certificate("one"),
      egress: [
        try Example.allowance("api.stub.test", secret: "key", methods: ["GET", "POST"], paths: ["/v1/*"]),
        try Example.allowance("bad.stub.test", secret: "key"),
        try Example.allowance("unset.stub.test", secret: "unset"), try Example.allowance("other.stub.test"),
      ],
      credentials: Dictionary(uniqueKeysWithValues: names), ports: ["http": 8080, "chat": 8765])
    let two = ProxiedAgent(
      id: try Example.id("acme/two"), address: address(of: .two), certificate: try certificate("two"),
      egress: [
        try Example.allowance("api.stub.test", secret: "second", methods: ["POST"], paths: ["/v1/key"]),
        try Example.allowance("*.stub.test"),
      ],
      credentials: Dictionary(uniqueKeysWithValues: names), ports: ["http": 8080])
    return NodeProxyState(
      agents: [one, two], mesh: .init(identity: try certificate("proxy"), roots: try file("mesh.crt")),
      secrets: [
        try key("key"): try #require(ProxySecret(Example.canary)),
        try key("second"): try #require(ProxySecret(Example.canary + "-second")),
      ],
      apiRules: [
        AccessRule(principal: try #require(.init("*")), methods: ["GET"], paths: ["/v1/self"]),
        AccessRule(principal: try #require(.init("*/agent/one")), paths: ["/v1/tools/*"]),
      ])
  }

  /// Writes a resource file by hand, for an Envoy that is not running.
  func write(_ file: EnvoyFile) throws {
    try "{\"version_info\":\"0\",\"resources\":\(JSON.array(file.resources).text)}".write(
      toFile: layout.files.path(of: file.source), atomically: true, encoding: .utf8)
  }

  // MARK: Certificates

  func certificate(_ name: String) throws -> WorkloadCertificate {
    WorkloadCertificate(chain: try file("\(name).crt"), privateKey: try file("\(name).key"))
  }

  private func file(_ name: String) throws -> String {
    try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
  }

  private func makeCertificates() async throws {
    for authority in ["web", "mesh", "foreign"] { try await make(authority, alternativeNames: nil, by: nil) }
    try await make("host", alternativeNames: "DNS:api.stub.test,DNS:other.stub.test", by: "web")
    try await make("elsewhere", alternativeNames: "DNS:elsewhere.test", by: "web")
    for (name, path) in [
      ("one", "acme/agent/one"), ("two", "acme/agent/two"), ("proxy", "system/proxy"), ("gateway", "system/gateway"),
      ("control", "system/control-plane"),
    ] {
      try await make(name, alternativeNames: "URI:spiffe://lobstack.local/ns/\(path)", by: "mesh")
    }
    try await make("forged", alternativeNames: "URI:spiffe://lobstack.local/ns/system/gateway", by: "foreign")
  }

  /// - Parameters:
  ///   - alternativeNames: as openssl writes them; `nil` for an authority.
  ///   - authority: `nil` signs itself.
  private func make(_ name: String, alternativeNames: String?, by authority: String?) async throws {
    let paths = ["-keyout", "\(directory)/\(name).key", "-out", "\(directory)/\(name).crt"]
    let issuer = authority.map { ["-CA", "\(directory)/\($0).crt", "-CAkey", "\(directory)/\($0).key"] } ?? []
    let names = alternativeNames.map {
      ["-addext", "subjectAltName=\($0)", "-addext", "basicConstraints=critical,CA:FALSE"]
    }
    try await Command(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=\(name)",
      ] + paths + issuer + (names ?? [])
    ).check()
  }

  // MARK: Looking

  struct Answer {
    let status: Int
    let head: String
    let body: String
  }

  /// A request of an agent to the proxy's port for plain HTTP, its path as it is.
  func request(
    _ agent: Agent, _ host: String, _ path: String, _ more: String...
  ) async throws -> Answer {
    try await curl(
      ["--interface", address(of: agent), "-H", "Host: \(host)"] + more
        + ["http://\(layout.serviceAddress):\(layout.httpPort)\(path)"])
  }

  /// The identity under which an agent's request comes to the control plane, or else the status.
  func peer(_ agent: Agent) async throws -> String {
    let answer = try await request(agent, "api.lobstack.internal", "/v1/self")
    return answer.head.split(separator: "\r\n").first { $0.hasPrefix("x-peer: ") }.map { String($0.dropFirst(8)) }
      ?? "\(answer.status)"
  }

  /// A request over TLS that the proxy passes through; status 0 when the connection is refused.
  func passThrough(_ agent: Agent, _ name: String, _ path: String = "/v1/any") async throws -> Answer {
    try await curl([
      "--interface", address(of: agent), "-k", "--connect-to",
      "\(name):443:\(layout.serviceAddress):\(layout.tlsPort)", "https://\(name)\(path)",
    ])
  }

  /// A request to the ingress socket, with somebody's certificate.
  func enter(_ path: String, as name: String?, _ more: String...) async throws -> Answer {
    let identity = name.map { ["--cert", "\(directory)/\($0).crt", "--key", "\(directory)/\($0).key"] } ?? []
    return try await curl(
      ["--unix-socket", layout.ingressSocket, "-k"] + identity + more + ["https://proxy\(path)"])
  }

  /// One or more answers; the status is that of the last.
  func curl(_ arguments: [String]) async throws -> Answer {
    let result = try await Command(
      "curl", ["-s", "-i", "--path-as-is", "--max-time", "10", "-w", "\n%{http_code}"] + arguments
    ).run()
    let text = result.standardOutput
    let status = text.split(separator: "\n").last.flatMap { Int($0) } ?? 0
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    return Answer(
      status: status, head: parts.first.map(String.init) ?? "", body: parts.count > 1 ? String(parts[1]) : "")
  }

  /// Bytes of an agent to a port of the proxy, and what comes back until it closes or two seconds pass.
  func raw(_ agent: Agent, port: UInt16, _ text: String) async throws -> String {
    let script = """
      import socket, sys
      s = socket.socket(); s.bind((sys.argv[1], 0)); s.settimeout(2); s.connect((sys.argv[2], int(sys.argv[3])))
      s.sendall(sys.stdin.buffer.read())
      try:
          while data := s.recv(65536): sys.stdout.buffer.write(data)
      except OSError: pass
      """
    return try await Command(
      "/usr/bin/python3", ["-c", script, address(of: agent), layout.serviceAddress, "\(port)"]
    ).check(input: Array(text.utf8))
  }

  /// Lines of the denial log that hold all these pieces of text.
  func denials(_ pieces: String...) -> [String] {
    denialText.split(separator: "\n").map(String.init).filter { line in pieces.allSatisfy(line.contains) }
  }

  /// Answers with the identity that it saw, and with the connection's number.
  private var controlPlane: JSON {
    let headers = [("x-peer", "%DOWNSTREAM_PEER_URI_SAN%"), ("x-connection", "%CONNECTION_ID%")].map { name, value in
      JSON.object(["header": ["key": .string(name), "value": .string(value)]])
    }
    let routes: JSON = [
      "response_headers_to_add": .array(headers),
      "virtual_hosts": [
        [
          "name": "all", "domains": ["*"],
          "routes": [["match": ["prefix": "/"], "direct_response": ["status": 200]]],
        ]
      ],
    ]
    let socket = TLSContexts.downstream(
      [
        "tls_params": TLSContexts.parameters(), "alpn_protocols": ["http/1.1"],
        "tls_certificates": [
          [
            "certificate_chain": ["filename": "\(directory)/control.crt"],
            "private_key": ["filename": "\(directory)/control.key"],
          ]
        ],
        "validation_context": ["trusted_ca": ["filename": "\(directory)/mesh.crt"]],
      ], requiresCertificate: true)
    let manager = HTTPConnections.manager([
      "stat_prefix": "api", "route_config": routes, "http_filters": [HTTPConnections.router],
    ])
    return [
      "static_resources": [
        "listeners": [
          [
            "name": "api", "address": EnvoyAddress.pipe(layout.apiSocket).json,
            "filter_chains": [["transport_socket": socket, "filters": [manager]]],
          ]
        ]
      ]
    ]
  }
}
