import APIModel
import AgentModel
import Blueprint
import Faults
import Foundation
import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NodeProtocol
import ServiceLifecycle
import Storage

/// The control plane: the HTTP API with its store, audit log and reconciler.
package struct ControlPlaneService: Sendable {
  private let api: API
  private let reconciler: Reconciler
  private let layout: InstanceLayout
  private let identity: IdentityAuthority
  private let external: PublicCertificates?
  private let sentinelUser: UInt32?
  private let store: Store
  private let onRunning: @Sendable () async -> Void
  private let logger: Logger

  /// Opens everything that `run()` needs.
  ///
  /// - Parameters:
  ///   - gateway: what the gateway is reached by, for its certificate; `nil` where there is no gateway.
  ///   - policyDirectory: by default the instance's copy of the policy.
  ///   - onRunning: called for each listener that accepts connections.
  /// - Throws: `Fault` naming the file, address or setting that is wrong.
  package static func open(
    layout: InstanceLayout, trustDomain: TrustDomain = .default, gateway: GatewaySettings? = nil,
    policyDirectory: String? = nil, limits: APILimits = APILimits(),
    logger: Logger = Logger(label: "lobstack.control-plane"),
    onRunning: @escaping @Sendable () async -> Void = {}
  ) async throws -> ControlPlaneService {
    try await open(
      layout: layout, trustDomain: trustDomain, gateway: gateway, policyDirectory: policyDirectory, limits: limits,
      logger: logger,
      audit: try await AuditLogFile.open(directory: layout.auditDirectory),
      node: NodeClient(socket: layout.nodeSocket), onRunning: onRunning)
  }

  static func open(
    layout: InstanceLayout, trustDomain: TrustDomain, gateway: GatewaySettings?, policyDirectory: String?,
    limits: APILimits, logger: Logger, audit: any AuditAppending, node: any NodeConnection,
    onRunning: @escaping @Sendable () async -> Void
  ) async throws -> ControlPlaneService {
    let policy = try Policy.load(directory: policyDirectory ?? layout.policyDirectory)
    let store = try await Store.open(path: layout.database)
    let trail = AuditTrail(log: audit, logger: logger)
    try await trail.require(
      AuditEvent(
        actor: "control-plane", action: "platform.start", target: "instance \(layout.instance)", outcome: "allowed",
        details: ["version": LobstackVersion.current]))
    let identity = try IdentityAuthority.open(
      directory: try authorityDirectory(layout), trustDomain: trustDomain, audit: trail)
    let external = gateway?.external.map {
      PublicCertificates(settings: $0, layout: layout, audit: trail, logger: logger)
    }
    let view = NodeView()
    let signal = ChangeSignal()
    let api = API(
      store: store, audit: trail, view: view, node: node, signal: signal, instance: layout.instance.description,
      identity: identity,
      gateway: gateway.map {
        GatewayCertificates(layout: layout, identity: identity, settings: $0, external: external, logger: logger)
      },
      challenges: external == nil ? nil : layout.publicCertificateDirectory, limits: limits, logger: logger)
    let reconciler = Reconciler(
      store: store, node: node, view: view, audit: trail, policy: policy, identity: identity, signal: signal,
      logger: logger)
    return ControlPlaneService(
      api: api, reconciler: reconciler, layout: layout, identity: identity,
      external: external,
      sentinelUser: userID(named: InstanceLayout.User.sentinel), store: store, onRunning: onRunning, logger: logger)
  }

  /// Serves until the calling task is cancelled; then requests in flight have five seconds to end.
  package func run() async throws {
    let mesh = MeshListener(identity: identity, logger: logger)
    var services: [any Service] = [
      reconciler, try application(layout.apiSocket, peer: connectedPeer),
      try application(layout.meshSocket, tls: try mesh.configuration(), peer: mesh.peer),
    ]
    services.append(WorkloadIdentities(layout: layout, identity: identity, audit: api.audit, logger: logger))
    if let gateway = api.gateway { services.append(gateway) }
    if let external { services.append(external) }
    var configuration = ServiceGroupConfiguration(services: services, logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(5)
    let group = ServiceGroup(configuration: configuration)
    // A task of its own, awaited here, because cancelling the group at once would cut off every request in flight.
    let running = Task { try await group.run() }
    let result = await withTaskCancellationHandler {
      await running.result
    } onCancel: {
      // Nobody awaits it: the group's end is what is awaited.
      Task { await group.triggerGracefulShutdown() }
    }
    try store.close()
    if Task.isCancelled { return }
    try result.get()
  }

  private func application(
    _ socket: String, tls: TLSChannelConfiguration? = nil, peer: @escaping @Sendable (any Channel) async -> Peer
  ) throws -> some ApplicationProtocol {
    let limits = api.limits
    let plain = HTTPServerBuilder.http1(
      configuration: HTTP1Channel.Configuration(
        idleTimeout: .nanoseconds(Int64(limits.idle / .nanoseconds(1))),
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100)))
    return Application(
      responder: api.responder(sentinelUser: sentinelUser, peer: peer),
      server: try tls.map { try .tls(plain, configuration: $0) } ?? plain,
      configuration: ApplicationConfiguration(
        address: .unixDomainSocket(path: socket),
        availableConnectionsDelegate: .maximum(limits.connections, logger: logger)),
      onServerRunning: { [onRunning] _ in
        // Everybody may connect: each request is authenticated by peer credentials, certificate or token.
        chmod(socket, 0o666)
        await onRunning()
      },
      logger: logger)
  }
}

private func authorityDirectory(_ layout: InstanceLayout) throws -> String {
  do {
    try FileManager.default.createDirectory(
      atPath: layout.authorityDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  } catch {
    throw Fault(
      .failed, operation: "create \(layout.authorityDirectory)", reason: "the directory cannot be made",
      remedy: "mend the file system", cause: error)
  }
  return layout.authorityDirectory
}
