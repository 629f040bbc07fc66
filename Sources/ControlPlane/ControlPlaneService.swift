import APIModel
import AgentModel
import Blueprint
import Faults
import Glibc
import Hummingbird
import HummingbirdCore
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
  private let listen: ListenAddress?
  private let sentinelUser: UInt32?
  private let store: Store
  private let onRunning: @Sendable (_ port: Int?) async -> Void
  private let logger: Logger

  /// Opens everything that `run()` needs.
  ///
  /// - Parameters:
  ///   - listen: a loopback address for TCP beside the Unix socket, `127.0.0.1:8700`.
  ///   - policyDirectory: by default the instance's copy of the policy.
  ///   - onRunning: called for each listener that accepts connections; with the port for TCP.
  /// - Throws: `Fault` naming the file, address or setting that is wrong.
  package static func open(
    layout: InstanceLayout, listen: String? = nil, policyDirectory: String? = nil, limits: APILimits = APILimits(),
    logger: Logger = Logger(label: "lobstack.control-plane"),
    onRunning: @escaping @Sendable (_ port: Int?) async -> Void = { _ in }
  ) async throws -> ControlPlaneService {
    try await open(
      layout: layout, listen: listen, policyDirectory: policyDirectory, limits: limits, logger: logger,
      audit: try await AuditLogFile.open(directory: layout.auditDirectory),
      node: NodeClient(socket: layout.nodeSocket), onRunning: onRunning)
  }

  static func open(
    layout: InstanceLayout, listen: String?, policyDirectory: String?, limits: APILimits, logger: Logger,
    audit: any AuditAppending, node: any NodeConnection, onRunning: @escaping @Sendable (_ port: Int?) async -> Void
  ) async throws -> ControlPlaneService {
    let address = try listen.map { try ListenAddress($0) }
    let policy = try Policy.load(directory: policyDirectory ?? layout.policyDirectory)
    let store = try await Store.open(path: layout.database)
    let trail = AuditTrail(log: audit, logger: logger)
    try await trail.require(
      AuditEvent(
        actor: "control-plane", action: "platform.start", target: "instance \(layout.instance)", outcome: "allowed",
        details: ["version": LobstackVersion.current]))
    let view = NodeView()
    let signal = ChangeSignal()
    let api = API(
      store: store, audit: trail, view: view, node: node, signal: signal, instance: layout.instance.description,
      limits: limits, logger: logger)
    let reconciler = Reconciler(
      store: store, node: node, view: view, audit: trail, policy: policy, signal: signal, logger: logger)
    return ControlPlaneService(
      api: api, reconciler: reconciler, layout: layout, listen: address,
      sentinelUser: userID(named: InstanceLayout.User.sentinel), store: store, onRunning: onRunning, logger: logger)
  }

  /// Serves until the calling task is cancelled; then requests in flight have five seconds to end.
  package func run() async throws {
    var services: [any Service] = [
      reconciler, application(.unixDomainSocket(path: layout.apiSocket), peer: connectedPeer),
    ]
    if let listen {
      services.append(application(.hostname(listen.host, port: listen.port), peer: { _ in .remote }))
    }
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
    _ address: BindAddress, peer: @escaping @Sendable (any Channel) async -> Peer
  ) -> some ApplicationProtocol {
    let limits = api.limits
    return Application(
      responder: api.responder(sentinelUser: sentinelUser, peer: peer),
      server: .http1(
        configuration: HTTP1Channel.Configuration(
          idleTimeout: .nanoseconds(Int64(limits.idle / .nanoseconds(1))),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))),
      configuration: ApplicationConfiguration(
        address: address, availableConnectionsDelegate: .maximum(limits.connections, logger: logger)),
      onServerRunning: { [layout, onRunning] channel in
        // Everybody may connect: each request is authenticated by peer credentials or token.
        if listenerIsUnix(channel) { chmod(layout.apiSocket, 0o666) }
        await onRunning(channel.localAddress?.port)
      },
      logger: logger)
  }
}

private func listenerIsUnix(_ channel: any Channel) -> Bool {
  if case .unixDomainSocket? = channel.localAddress { true } else { false }
}
