import AgentModel
import ChildProcess
import Foundation
import Glibc
import JSONValues
import Proxy
import Testing

/// A gateway with everything behind it, on free ports of the loopback address; ended and removed afterwards.
final class GatewaySite: Sendable {
  let directory: String
  let layout: GatewayLayout
  let driver: EnvoyDriver
  private let processes = [ProcessTask(), ProcessTask(), ProcessTask()]

  var port: UInt16 { layout.port }
  var origin: String { "https://localhost:\(port)" }
  var log: String { (try? String(contentsOfFile: layout.accessLog, encoding: .utf8)) ?? "" }

  private init(_ limits: GatewayLayout.Limits) throws {
    directory = "/tmp/lob-\(String(UInt64.random(in: 0..<(1 << 40)), radix: 36))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    let files = EnvoyFiles(directory: "\(directory)/config", secretsOnly: true)
    var layout = GatewayLayout(
      address: "127.0.0.1", port: try freePort(), files: files, adminSocket: "\(directory)/admin.sock",
      accessLog: "\(directory)/access.jsonl", apiSocket: "\(directory)/api.sock",
      ingressSocket: "\(directory)/ingress.sock")
    layout.plainPort = try freePort()
    layout.takesChallenges = true
    layout.limits = limits
    self.layout = layout
    driver = EnvoyDriver(
      files: files, admin: EnvoyAdmin(socket: layout.adminSocket), logFile: "\(directory)/gateway.log")
  }

  /// - Parameter api: The identity of what answers in place of the control plane.
  static func with(
    api: String = "control-plane", limits: GatewayLayout.Limits = .init(),
    _ body: (GatewaySite) async throws -> Void
  ) async throws {
    let site = try GatewaySite(limits)
    do {
      try await site.start(api: api)
      try await body(site)
    } catch {
      await site.remove()
      throw error
    }
    await site.remove()
  }

  private func start(api: String) async throws {
    try await makeCertificates()
    try driver.files.prepare()
    // Down yet: it only gets its files.
    _ = try? await driver.apply(try files("public", "gateway"), version: "1")
    try write(gatewayStub, to: "\(directory)/stub.py")
    try write(layout.bootstrap.text, to: "\(directory)/gateway.json")
    try write(ingress.text, to: "\(directory)/ingress.json")
    await startUpstream(api: api)
    await processes[1].start(
      Command(
        envoyProgram,
        ["-c", "\(directory)/ingress.json", "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]),
      log: "\(directory)/ingress.log")
    await processes[2].start(
      Command(envoyProgram, layout.arguments(bootstrap: "\(directory)/gateway.json")), log: "\(directory)/gateway.log")
    try await eventually { try await self.driver.readBack().activeListeners == 2 }
    for socket in ["api.sock", "ingress.sock"] {
      try await eventually { FileManager.default.fileExists(atPath: "\(self.directory)/\(socket)") }
    }
  }

  func startUpstream(api: String) async {
    await processes[0].start(
      Command("python3", ["\(directory)/stub.py", directory, api]), log: "\(directory)/stub.log")
  }

  func stopUpstream() async { await processes[0].stop() }

  private func remove() async {
    for process in processes { await process.stop() }
    // What is left over is in /tmp; the test's verdict stands without it.
    try? FileManager.default.removeItem(atPath: directory)
  }

  func touch(_ name: String) throws { try write("", to: "\(directory)/\(name)") }
  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(directory)/\(name)") }

  // MARK: Clients

  struct Answer {
    var exit: Int32
    var status: Int
    var headers: [String: String]
    var body: String

    /// A member of a JSON body, or of an object in it.
    func member(_ path: String...) -> String? {
      var value: Any? = try? JSONSerialization.jsonObject(with: Data(body.utf8))
      for name in path { value = (value as? [String: Any])?[name] }
      return value.map { "\($0)" }
    }
  }

  /// Runs curl; a path is on the gateway, with a good token unless `token` says otherwise.
  func curl(_ path: String, token: String? = "good", _ arguments: String...) async throws -> Answer {
    let url = path.hasPrefix("/") ? origin + path : path
    let authorization = token.map { ["-H", "authorization: Bearer \($0)"] } ?? []
    let result = try await Command(
      "curl",
      ["-s", "-i", "--path-as-is", "--max-time", "20", "--cacert", "\(directory)/outside.crt"] + authorization
        + arguments
        + [url]
    ).run()
    return Self.answer(result.standardOutput, exit: result.status.code)
  }

  /// Bytes as they are, in TLS; reads until the gateway closes, for 15 seconds at most.
  func send(_ bytes: String) async throws -> Answer {
    let result = try await Command(
      "timeout",
      [
        "15", "openssl", "s_client", "-quiet", "-connect", "127.0.0.1:\(port)", "-servername", "localhost", "-alpn",
        "http/1.1",
      ]
    ).run(input: Array(bytes.utf8))
    return Self.answer(result.standardOutput, exit: result.status.code)
  }

  private static func answer(_ text: String, exit: Int32) -> Answer {
    let text = text.replacing("\r\n", with: "\n")
    let parts = text.split(separator: "\n\n", maxSplits: 1)
    let lines = (parts.first ?? "").split(separator: "\n")
    let words = (lines.first ?? "").split(separator: " ")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      if let colon = line.range(of: ": ") {
        headers[line[..<colon.lowerBound].lowercased()] = String(line[colon.upperBound...])
      }
    }
    return Answer(
      exit: exit, status: words.count > 1 ? Int(words[1]) ?? 0 : 0, headers: headers,
      body: parts.count > 1 ? String(parts[1]) : "")
  }

  // MARK: Certificates

  /// Two authorities, `mesh` for inside and `outside` for clients, and who they vouch for.
  private func makeCertificates() async throws {
    for authority in ["mesh", "outside", "foreign"] {
      try await openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "\(authority).key",
        "-out", "\(authority).crt", "-days", "2", "-subj", "/CN=\(authority)")
    }
    for service in ["gateway", "control-plane", "proxy"] {
      try await certify(service, by: "mesh", "URI:spiffe://lobstack.local/ns/system/\(service)")
    }
    try await certify("gateway-2", by: "mesh", "URI:spiffe://lobstack.local/ns/system/gateway")
    try await certify("imposter", by: "foreign", "URI:spiffe://lobstack.local/ns/system/control-plane")
    for name in ["public", "public-2"] { try await certify(name, by: "outside", "DNS:localhost,IP:127.0.0.1") }
  }

  private func certify(_ name: String, by authority: String, _ subject: String) async throws {
    try write("subjectAltName=\(subject)\n", to: "\(directory)/\(name).ext")
    try await openssl(
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "\(name).key", "-out",
      "\(name).csr", "-subj", "/CN=\(name)")
    try await openssl(
      "x509", "-req", "-in", "\(name).csr", "-CA", "\(authority).crt", "-CAkey", "\(authority).key",
      "-CAcreateserial", "-days", "1", "-extfile", "\(name).ext", "-out", "\(name).crt")
  }

  private func openssl(_ arguments: String...) async throws {
    try await Command("openssl", arguments, directory: directory).check()
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
  }

  func files(_ certificate: String, _ identity: String) throws -> [EnvoyFile] {
    func pair(_ name: String) throws -> WorkloadCertificate {
      WorkloadCertificate(chain: try text("\(name).crt"), privateKey: try text("\(name).key"))
    }
    return GatewayLayout.files(
      certificate: try pair(certificate), identity: try pair(identity),
      trustBundle: try text("mesh.crt"))
  }

  // MARK: In place of the node proxy

  /// Takes the gateway's identity alone, and hands on to the agent.
  private var ingress: JSON {
    func file(_ name: String) -> JSON { ["filename": .string("\(directory)/\(name)")] }
    let tls = TLSContexts.downstream(
      [
        "tls_params": TLSContexts.parameters(), "alpn_protocols": ["h2"],
        "tls_certificates": [["certificate_chain": file("proxy.crt"), "private_key": file("proxy.key")]],
        "validation_context": [
          "trusted_ca": file("mesh.crt"),
          "match_typed_subject_alt_names": [
            TLSContexts.Subject.uri("spiffe://lobstack.local/ns/system/gateway").json
          ],
        ],
      ], requiresCertificate: true)
    let manager = HTTPConnections.manager([
      "stat_prefix": "in", "upgrade_configs": [["upgrade_type": "websocket"]],
      "http2_protocol_options": HTTPConnections.http2(streams: 100, extendedConnect: true),
      "route_config": [
        "virtual_hosts": [
          [
            "name": "all", "domains": ["*"],
            "routes": [["match": ["prefix": "/"], "route": ["cluster": "agent", "timeout": "0s"]]],
          ]
        ]
      ],
      "http_filters": [HTTPConnections.router],
    ])
    return [
      "static_resources": [
        "listeners": [
          [
            "name": "in", "address": EnvoyAddress.pipe(layout.ingressSocket).json,
            "filter_chains": [["transport_socket": tls, "filters": [manager]]],
          ]
        ],
        "clusters": [
          [
            "name": "agent", "type": "STATIC",
            "load_assignment": EnvoyAddress.pipe("\(directory)/agent.sock").assignment(of: "agent"),
          ]
        ],
      ]
    ]
  }
}

/// Writes a test's own file.
func write(_ text: String, to path: String) throws {
  try text.write(toFile: path, atomically: true, encoding: .utf8)
}

/// A TCP port of the loopback address that nobody has: not one of those that clients are given.
func freePort() throws -> UInt16 {
  for _ in 0..<100 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let port = UInt16.random(in: 20000..<32000)
    address.sin_port = port.bigEndian
    let isBound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    if isBound { return port }
  }
  throw CancellationError()
}
