import AgentModel
import CertificateAuthority
import ChildProcess
import Foundation
import Logging
import NameResolution
import NetworkIsolation
import NodeProtocol
import Proxy
import Sentinel

/// What a node needs beside it: a node proxy, a resolver, and somebody who signs certificates. All of them are real.
actor NodeNeighbours {
  private let client: NodeClient
  private let authority: Authority
  private let resolver: ResolverServer
  private var tasks: [Task<Void, Never>] = []
  private var desired = DesiredState(revision: 0, agents: [])
  private var signed: [CertificateRequest: SignedCertificate] = [:]

  static func start(_ layout: InstanceLayout, client: NodeClient) async throws -> NodeNeighbours {
    let address = AddressPlan(layout: layout).serviceAddress
    let proxy = NodeProxy(layout: NodeProxyLayout(layout, serviceAddress: address))
    for file in [
      layout.proxyAdminSocket, layout.ingressSocket, layout.proxyDenials, layout.identityKeysFile,
      layout.resolverTable, layout.meshSocket, "\(layout.authorityDirectory)/root", "\(layout.proxyFiles)/x",
    ] {
      try FileManager.default.createDirectory(
        at: URL(filePath: file).deletingLastPathComponent(), withIntermediateDirectories: true)
    }
    try proxy.layout.files.prepare()
    try Data(proxy.bootstrap.text.utf8).write(to: URL(filePath: layout.proxyBootstrap))
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    guard let listen = IPv4Address(address) else { throw CancellationError() }
    let resolver = try ResolverServer.open(
      address: listen, port: ServicePort.dns.rawValue, tableFile: layout.resolverTable, logger: logger)
    resolver.start()
    let root = try RootAuthority.open(in: layout.authorityDirectory, for: .default, at: .now)
    let authority = Authority(trustDomain: .default, at: .now)
    try authority.trust(root.anchor, at: .now)
    let pending = PendingIntermediate()
    try authority.adopt(
      pending, certificate: try root.signIntermediate(try pending.certificateRequest(), at: .now), at: .now)
    let neighbours = NodeNeighbours(client: client, authority: authority, resolver: resolver)
    await neighbours.run(proxy, bootstrap: layout.proxyBootstrap)
    return neighbours
  }

  private init(client: NodeClient, authority: Authority, resolver: ResolverServer) {
    self.client = client
    self.authority = authority
    self.resolver = resolver
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

  func stop() async {
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
    resolver.stop()
  }

  func apply(_ state: DesiredState) async throws {
    desired = state
    try await push()
  }

  private func push() async throws {
    var state = desired
    state.identity = DesiredIdentity(
      trustDomain: .default, trustBundle: authority.bundle.pem, certificates: Array(signed.values))
    try await client.apply(state)
  }

  /// Signs whatever the node asks for.
  private func sign() async {
    while !Task.isCancelled {
      do {
        let requests = try await client.observe(after: 0, waitSeconds: 0).certificateRequests
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
