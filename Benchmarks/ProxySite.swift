import AgentModel
import ChildProcess
import Foundation
import Proxy

/// The platform's two Envoys as `lobstack up` configures them, limits of rate apart, between one stub of all that lies
/// behind them and bare Envoys of the same machine. What is behind answers at once, so that what is measured is the way.
final class ProxySite: Sendable {
  static let agent = "acme/support-bot"
  /// The host with a credential, and the ones without.
  static let host = "api.example.com"
  private static let secret = "sk-benchmark-0123456789abcdef"

  let directory: ScratchDirectory
  let identities: Identities
  let stub: StubUpstream
  let gateway: BenchmarkEnvoy
  let gatewayLayout: GatewayLayout
  let proxy: BenchmarkEnvoy
  let proxyLayout: NodeProxyLayout
  private let names: BackgroundProgram

  /// - Parameter skipsProxy: the stub is behind the gateway in the node proxy's place.
  static func with<Value>(
    skipsProxy: Bool = false, _ body: (ProxySite) async throws -> Value
  ) async throws -> Value {
    let site = try ProxySite(skipsProxy: skipsProxy)
    do {
      try await site.start()
      let value = try await body(site)
      await site.remove()
      return value
    } catch {
      await site.remove()
      throw error
    }
  }

  private init(skipsProxy: Bool) throws {
    directory = try ScratchDirectory()
    let path = directory.path
    let range = "127.\(Int.random(in: 64..<255)).\(Int.random(in: 0..<255))"
    identities = try Identities(in: path)
    stub = try StubUpstream(in: path, address: "\(range).10")
    names = NameServer.program(in: path, address: "\(range).10", port: 10053, answer: "\(range).10")

    var gateway = GatewayLayout(
      address: "127.0.0.1", port: try freePort(), files: EnvoyFiles(directory: "\(path)/gateway", secretsOnly: true),
      adminSocket: "\(path)/gateway.sock", accessLog: "\(path)/access.jsonl", apiSocket: stub.apiSocket,
      ingressSocket: skipsProxy ? stub.ingressSocket : "\(path)/ingress.sock")
    let unlimited = GatewayLayout.Rate(perSecond: 1_000_000, burst: 1_000_000)
    (gateway.limits.address, gateway.limits.token, gateway.limits.everybody) = (unlimited, unlimited, unlimited)
    gatewayLayout = gateway
    let gatewayArguments = gateway
    self.gateway = try BenchmarkEnvoy(
      "gateway", in: path, bootstrap: gateway.bootstrap, files: gateway.files, adminSocket: gateway.adminSocket
    ) { gatewayArguments.arguments(bootstrap: $0) }

    let proxy = Self.proxyLayout(in: path, range: range, apiSocket: stub.apiSocket, roots: "\(path)/root.crt")
    proxyLayout = proxy
    self.proxy = try BenchmarkEnvoy(
      "proxy", in: path, bootstrap: NodeProxy(layout: proxy).bootstrap, files: proxy.files,
      adminSocket: proxy.adminSocket
    ) { NodeProxy(layout: proxy).arguments(bootstrap: $0) }
  }

  static func proxyLayout(in path: String, range: String, apiSocket: String, roots: String) -> NodeProxyLayout {
    var layout = NodeProxyLayout(
      files: EnvoyFiles(directory: "\(path)/proxy"), adminSocket: "\(path)/proxy.sock",
      denialLog: "\(path)/denials.jsonl", serviceAddress: "\(range).1", apiSocket: apiSocket,
      ingressSocket: "\(path)/ingress.sock")
    layout.hostRoots = roots
    layout.resolver = .init(address: "\(range).10", port: 10053)
    layout.hostPort = StubUpstream.hostPort
    layout.requestsPerSecond = 1_000_000
    return layout
  }

  private func start() async throws {
    await names.start()
    try await stub.envoy.start(try stub.files(identities, roots: identities.roots))
    try await proxy.start(NodeProxy(layout: proxyLayout).files(try state(identities, roots: identities.roots)))
    try await gateway.start(try gatewayFiles(identities, roots: identities.roots))
  }

  private func remove() async {
    await gateway.stop()
    await proxy.stop()
    await stub.envoy.stop()
    await names.stop()
    directory.remove()
  }

  func gatewayFiles(_ identities: Identities, roots: String) throws -> [EnvoyFile] {
    GatewayLayout.files(
      certificate: try identities.certificate(for: ["localhost", "127.0.0.1"]),
      identity: try identities.certificate(of: .gateway), trustBundle: roots)
  }

  /// One agent, at the address that connections of this machine to its loopback addresses come from.
  func state(_ identities: Identities, roots: String) throws -> NodeProxyState {
    let id = try parsed(AgentID(Self.agent))
    let name = try parsed(SecretName("key"))
    let key = CredentialKey.agent(id, name)
    let agent = ProxiedAgent(
      id: id, address: "127.0.0.1", certificate: try identities.certificate(of: id),
      egress: [
        EgressAllowance(
          host: try parsed(HostPattern(Self.host)), credential: .init(secret: name, header: "x-api-key"),
          methods: ["GET", "POST"], paths: ["/v1/*"])
      ],
      credentials: [name: key], ports: ["http": stub.plainPort])
    return NodeProxyState(
      agents: [agent], mesh: .init(identity: try identities.certificate(of: .proxy), roots: roots),
      secrets: [key: try parsed(ProxySecret(Self.secret))],
      apiRules: [AccessRule(principal: try parsed(.init("*")), methods: ["GET"], paths: ["/v1/*"])])
  }

  // MARK: Ways in

  func throughGateway(_ path: String) -> LoadTest {
    LoadTest(
      name: "gateway", url: "https://127.0.0.1:\(gatewayLayout.port)\(path)",
      headers: ["Authorization": "Bearer lob_benchmark"])
  }

  func throughProxy(host: String, _ path: String) -> LoadTest {
    LoadTest(
      name: "node proxy", url: "http://\(proxyLayout.serviceAddress):\(proxyLayout.httpPort)\(path)",
      headers: ["Host": "\(host).\(HostPattern.internalSuffix)"])
  }
}
