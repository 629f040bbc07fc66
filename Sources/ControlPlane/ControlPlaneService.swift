import APIModel
import AgentModel
import AlertForwarding
import Blueprint
import CertificateAuthority
import Faults
import Foundation
import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NodeProtocol
import SecretStore
import ServiceGroups
import ServiceLifecycle
import Storage

/// The control plane: the HTTP API with its store, audit log and reconciler.
package struct ControlPlaneService: Sendable {
  private let api: API
  private let reconciler: Reconciler
  private let layout: InstanceLayout
  private let policyDirectory: String
  private let identity: IdentityAuthority
  private let secrets: any SecretKeeping
  private let external: PublicCertificates?
  private let store: Store
  private let onRunning: @Sendable () async -> Void
  private let logger: Logger

  /// Opens everything that `run()` needs.
  ///
  /// - Parameters:
  ///   - gateway: what the gateway is reached by, for its certificate; `nil` where there is no gateway.
  ///   - policyDirectory: by default the instance's copy of the policy.
  ///   - forwarding: where alerts are sent on to.
  ///   - witness: who keeps checkpoints of the audit log.
  ///   - onRunning: called for each listener that accepts connections.
  /// - Throws: `Fault` naming the file, address or setting that is wrong; `Fault(.denied)` for an audit log that does
  ///   not extend what its witness has.
  package static func open(
    layout: InstanceLayout, trustDomain: TrustDomain = .default, gateway: GatewaySettings? = nil,
    policyDirectory: String? = nil, forwarding: ForwardingSettings = ForwardingSettings(),
    witness: WitnessSettings = WitnessSettings(), limits: APILimits = APILimits(),
    logger: Logger = Logger(label: "lobstack.control-plane"),
    onRunning: @escaping @Sendable () async -> Void = {}
  ) async throws -> ControlPlaneService {
    let forwarder = try AlertForwarder(forwarding, logger: logger)
    let outside = try witness.witnesses()
    let policies = policyDirectory ?? layout.policyDirectory
    let authority = Authority(trustDomain: trustDomain, at: .now)
    let login = try loginKey(layout.controlPlaneKey)
    let policy = try VaultPolicy.load(directory: "\(policies)/vault", trustDomain: trustDomain)
    let secrets = VaultSecrets(
      client: VaultClient(address: try VaultAddress(of: layout), logger: logger), key: login, authority: authority,
      policy: policy, readings: SecretReadings(files: [layout.vaultRecentAudit, "\(layout.vaultRecentAudit).1"]))
    do {
      let key = try await waiting(socket: layout.apiSocket, logger: logger) {
        try await secrets.storeKey(file: layout.storeKeyFile)
      }
      let audit = try await AuditLogFile.open(directory: layout.auditDirectory, cosigner: secrets, logger: logger)
      return try await open(
        layout: layout, authority: authority, gateway: gateway, policyDirectory: policyDirectory, limits: limits,
        logger: logger, store: try await Store.open(path: layout.database, key: key),
        audit: audit, node: NodeClient(socket: layout.nodeSocket), secrets: secrets, root: secrets.root,
        forwarder: forwarder, witnesses: AuditWitnesses(outside, log: audit, logger: logger),
        onRunning: onRunning)
    } catch {
      // The first failure is the one to tell.
      try? await secrets.close()
      throw error
    }
  }

  static func open(
    layout: InstanceLayout, authority: Authority, gateway: GatewaySettings?, policyDirectory: String?,
    limits: APILimits, logger: Logger, store: Store, audit: any AuditAppending, node: any NodeConnection,
    secrets: any SecretKeeping, root: any RootSigning, forwarder: AlertForwarder? = nil,
    witnesses: AuditWitnesses? = nil,
    onRunning: @escaping @Sendable () async -> Void
  ) async throws -> ControlPlaneService {
    let policy = try Policy.load(directory: policyDirectory ?? layout.policyDirectory)
    let trail = AuditTrail(log: audit, logger: logger)
    // Before anything is appended: a log that was set back stays as it was found.
    let compared = try await witnesses?.compare() ?? []
    try await trail.require(
      AuditEvent(
        actor: "control-plane", action: "platform.start", target: "instance \(layout.instance)", outcome: "allowed",
        details: ["version": LobstackVersion.current]))
    for event in compared { try await trail.require(event) }
    let identity = IdentityAuthority(authority: authority, root: root, audit: trail, logger: logger)
    let external = gateway?.external.map {
      PublicCertificates(settings: $0, layout: layout, audit: trail, logger: logger)
    }
    let view = NodeView()
    let signal = ChangeSignal()
    let admission = AdmissionGate(
      policies: AdmissionPolicies(
        directory: "\(policyDirectory ?? layout.policyDirectory)/gatekeeper", audit: trail, logger: logger),
      policy: policy, trustDomain: identity.trustDomain, findings: AdmissionFindings())
    try await admission.policies.reload()
    let api = API(
      store: store, audit: trail, view: view, node: node, secrets: secrets, signal: signal,
      instance: layout.instance.description, admission: admission,
      identity: identity,
      gateway: gateway.map {
        GatewayCertificates(layout: layout, identity: identity, settings: $0, external: external, logger: logger)
      },
      challenges: external == nil ? nil : layout.publicCertificateDirectory, forwarder: forwarder, witnesses: witnesses,
      sentinelUser: userID(named: InstanceLayout.User.sentinel), limits: limits, logger: logger)
    let reconciler = Reconciler(
      store: store, node: node, view: view, audit: trail, policy: policy, identity: identity, secrets: secrets,
      signal: signal, logger: logger)
    return ControlPlaneService(
      api: api, reconciler: reconciler, layout: layout, policyDirectory: policyDirectory ?? layout.policyDirectory,
      identity: identity, secrets: secrets, external: external, store: store, onRunning: onRunning, logger: logger)
  }

  /// Serves until the calling task is cancelled; then requests in flight have five seconds to end.
  package func run() async throws {
    let mesh = MeshListener(identity: identity, logger: logger)
    // What needs the authority waits for it; the API tells meanwhile why it does not come.
    var services: [any Service] = [
      reconciler, AdmissionAudit(gate: api.admission, store: store, logger: logger), api.watch,
      UsageWatch(node: api.node, view: api.view, history: api.usage, logger: logger),
      PolicyFiles(directory: policyDirectory, audit: api.audit, logger: logger),
      try application(layout.apiSocket, peer: connectedPeer),
      OnceEstablished(identity: identity) {
        try application(layout.meshSocket, tls: try mesh.configuration(), peer: mesh.peer)
      },
      OnceEstablished(identity: identity) {
        WorkloadIdentities(layout: layout, identity: identity, audit: api.audit, logger: logger)
      },
    ]
    if let gateway = api.gateway { services.append(OnceEstablished(identity: identity) { gateway }) }
    if let external { services.append(external) }
    if let forwarder = api.alerts.forwarder, !forwarder.isIdle { services.append(AlertDelivery(forwarder: forwarder)) }
    // The first ends last: the witnesses see what the others recorded.
    if let witnesses = api.witnesses, !witnesses.isIdle { services.insert(witnesses, at: 0) }
    let result: Result<Void, any Error>
    do { result = .success(try await ServiceGroup.run(services, ending: noteEnd, logger: logger)) } catch {
      result = .failure(error)
    }
    try await secrets.close()
    try store.close()
    try result.get()
  }

  /// A disk that hangs does not keep the end from coming.
  @Sendable private func noteEnd() async {
    let (noted, end) = AsyncStream.makeStream(of: Void.self)
    Task {
      await api.audit.note(
        AuditEvent(
          actor: "control-plane", action: "platform.stop", target: "instance \(layout.instance)", outcome: "allowed"))
      end.finish()
    }
    Task {
      // Cancelled by nobody.
      try? await Task.sleep(for: .seconds(2))
      end.finish()
    }
    for await _ in noted {}
  }

  private func application(
    _ socket: String, tls: TLSChannelConfiguration? = nil, peer: @escaping @Sendable (any Channel) async -> Peer
  ) throws -> some ApplicationProtocol {
    return Application(
      responder: api.responder(peer: peer),
      server: try apiServer(api.limits, tls: tls),
      configuration: ApplicationConfiguration(
        address: .unixDomainSocket(path: socket),
        availableConnectionsDelegate: .maximum(api.limits.connections, logger: logger)),
      onServerRunning: { [onRunning] _ in
        // Everybody may connect: each request is authenticated by peer credentials, certificate or token.
        allowAll(socket)
        await onRunning()
      },
      logger: logger)
  }
}

/// The supervisor makes it; without it the secrets manager knows nobody.
private func loginKey(_ path: String) throws -> LoginKey {
  guard let bytes = FileManager.default.contents(atPath: path) else {
    throw Fault(
      .notFound, operation: "read \(path)", reason: "the file cannot be read",
      remedy: "start the platform with 'lobstack up', which makes it")
  }
  return try LoginKey(pem: String(decoding: bytes, as: UTF8.self), source: path)
}

/// Lets everybody connect.
func allowAll(_ socket: String) { chmod(socket, 0o666) }
