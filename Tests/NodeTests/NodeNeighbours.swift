import AgentModel
import CertificateAuthority
import ChildProcess
import Foundation
import JSONValues
import Logging
import NameResolution
import NameServing
import NetworkIsolation
import NodeProtocol
import Proxy
import SecretStore
import Sentinel
import TestSupport

/// What a node needs beside it: a node proxy, a resolver, a sentinel's detection, a secrets manager, and somebody who signs certificates and
/// tokens. All of them are real.
actor NodeNeighbours {
  private let client: NodeClient
  private let authority: Authority
  private let resolver: ResolverServer
  private var watching: Task<Void, Never>?
  private let vault: VaultWorld
  private var tasks: [Task<Void, Never>] = []
  private var desired = DesiredState(revision: 0, agents: [])
  private var signed: [CertificateRequest: SignedCertificate] = [:]

  static func start(_ layout: InstanceLayout, client: NodeClient) async throws -> NodeNeighbours {
    let address = AddressPlan(layout: layout).serviceAddress
    let proxy = NodeProxy(layout: NodeProxyLayout(layout, serviceAddress: address))
    let authorityDirectory = "\(layout.controlPlaneDirectory)/ca"
    for file in [
      layout.proxyAdminSocket, layout.ingressSocket, layout.proxyDenials, layout.identityKeysFile,
      layout.resolverTable, layout.meshSocket, "\(authorityDirectory)/root", "\(layout.proxyFiles)/x",
      layout.vaultSocket, "\(layout.agentSecretsDirectory)/x", layout.traceSocket,
    ] {
      try FileManager.default.createDirectory(
        at: URL(filePath: file).deletingLastPathComponent(), withIntermediateDirectories: true)
    }
    try proxy.layout.files.prepare()
    try Data(proxy.bootstrap.text.utf8).write(to: URL(filePath: layout.proxyBootstrap))
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    guard let listen = IPv4Address(address) else { throw CancellationError() }
    let resolver = try ResolverServer.open(
      address: listen, port: ServicePort.dns.rawValue, names: TableFile(path: layout.resolverTable, logger: logger))
    resolver.start()
    let root = try RootAuthority.open(in: authorityDirectory, for: .default, at: .now)
    let authority = Authority(trustDomain: .default, at: .now)
    try authority.trust(root.anchor, at: .now)
    let pending = PendingIntermediate()
    try authority.adopt(
      pending, certificate: try root.signIntermediate(try pending.certificateRequest(), at: .now), at: .now)
    let vault = try await VaultWorld.start(socket: layout.vaultSocket, authority: authority)
    try await vault.believeAgents()
    let neighbours = NodeNeighbours(client: client, authority: authority, resolver: resolver, vault: vault)
    try await neighbours.startDetection(layout)
    await neighbours.run(proxy, bootstrap: layout.proxyBootstrap)
    return neighbours
  }

  private init(client: NodeClient, authority: Authority, resolver: ResolverServer, vault: VaultWorld) {
    self.client = client
    self.authority = authority
    self.resolver = resolver
    self.vault = vault
  }

  private func run(_ proxy: NodeProxy, bootstrap: String) {
    tasks = [
      Task {
        // It ends when its task is cancelled; a proxy that does not start fails every test.
        _ = try? await Command("/usr/local/lib/lobstack/envoy", proxy.arguments(bootstrap: bootstrap)).run(
          timeout: .seconds(300))
      },
      Task { await self.sign() },
    ]
  }

  /// Starts the sentinel's detection, which talks with one node, or starts it anew.
  func startDetection(_ layout: InstanceLayout) async throws {
    await stopDetection()
    let detection = try DetectionService.open(layout, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    // It ends when its task is cancelled.
    watching = Task { try? await detection.run() }
  }

  func stopDetection() async {
    watching?.cancel()
    await watching?.value
  }

  func stop() async {
    await stopDetection()
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
    resolver.stop()
    await vault.close()
  }

  /// Destroys what the secrets manager has of the agent, as the control plane does when the node has nothing any more.
  func shred(_ agent: DesiredAgent) async throws {
    _ = try await VaultAgents(vault.asControlPlane, domain: .default).destroy(agent.id, uid: agent.uid)
  }

  /// Unwraps a workspace's key as the agent, which is made known again if it was forgotten.
  func unwrap(_ wrapped: String, of agent: DesiredAgent) async throws {
    let own = try await vault.agent(agent.id, uid: agent.uid)
    _ = try await Transit(own).decrypt([wrapped], key: agent.uid.volumeKeyName)
  }

  func apply(_ state: DesiredState) async throws {
    desired = state
    try await push()
  }

  private func push(tokens: [AgentToken] = []) async throws {
    var state = desired
    state.identity = DesiredIdentity(
      trustDomain: .default, trustBundle: authority.bundle.pem, certificates: Array(signed.values), tokens: tokens)
    try await client.apply(state)
  }

  private func tokens(for agents: [AgentID]) async throws -> [AgentToken] {
    var tokens: [AgentToken] = []
    for id in agents {
      guard let agent = desired.agents.first(where: { $0.id == id && $0.wish == .run }) else { continue }
      try await VaultAgents(vault.asControlPlane, domain: .default).enable(id, uid: agent.uid)
      let token = try authority.issueJWTSVID(for: .agent(id, in: .default), audience: [VaultAgents.audience], at: .now)
      tokens.append(AgentToken(agent: id, token: SecretValue(token.secretToken.utf8)))
    }
    return tokens
  }

  /// Signs whatever the node asks for.
  private func sign() async {
    while !Task.isCancelled {
      do {
        let observed = try await client.observe(after: 0, waitSeconds: 0)
        let requests = observed.certificateRequests
        if !observed.tokenRequests.isEmpty { try await push(tokens: tokens(for: observed.tokenRequests)) }
        if requests.contains(where: { signed[$0] == nil }) {
          for request in requests where signed[request] == nil {
            let svid = try authority.issueX509SVID(
              for: request.id, key: try SubjectKey(publicKeyInfo: request.publicKey), at: .now)
            signed[request] = SignedCertificate(
              request: request, chain: svid.certificate.chain.pem, notAfter: svid.certificate.validity.notAfter,
              serialNumber: svid.certificate.serial)
          }
          try await push()
        }
      } catch {
        // The node is not up yet, or not up any more.
      }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }
}
