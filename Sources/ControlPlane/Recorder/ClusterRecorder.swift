import AgentModel
import AlertForwarding
import Faults
import Files
import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import KubernetesAPI
import Logging
import NIOCore
import Probes
import ServerCertificates
import ServiceGroups
import ServiceLifecycle
import Storage

/// Keeps a cluster's audit log and alerts: one process, on one volume.
package struct ClusterRecorder: Sendable {
  package struct Settings: Sendable {
    package var listen: ListenAddress
    package var certificate: ServingCertificate.Source
    /// Where /healthz, /readyz and /metrics are answered, without TLS; `nil` for nowhere.
    package var probes: ListenAddress?
    /// Whom callers' tokens have to be for.
    package var audience: String
    /// The volume.
    package var directory: String
    package var accounts: Accounts
    /// Of the tenants.
    package var namespaces: [TenantName: String]
    package var archive: Archive?
    package var witness = WitnessSettings()

    package init(
      listen: ListenAddress, certificate: ServingCertificate.Source, probes: ListenAddress? = nil,
      audience: String = RecorderLayout.audience, directory: String, accounts: Accounts,
      namespaces: [TenantName: String]
    ) {
      self.namespaces = namespaces
      self.listen = listen
      self.certificate = certificate
      self.probes = probes
      self.audience = audience
      self.directory = directory
      self.accounts = accounts
    }
  }

  /// Where the log's oldest records go.
  package struct Archive: Hashable, Sendable {
    /// On another volume, in which the directory of the segments is made.
    package var directory: String
    /// Records that are older.
    package var age: Duration

    package init(directory: String, age: Duration) {
      self.directory = directory
      self.age = age
    }
  }

  /// Who calls, as the API server names them: `system:serviceaccount:NAMESPACE:NAME`.
  package struct Accounts: Hashable, Sendable {
    package var controlPlane: String
    package var sentinel: String

    package init(controlPlane: String, sentinel: String) {
      self.controlPlane = controlPlane
      self.sentinel = sentinel
    }
  }

  package static let fieldManager = "lobstack-recorder"

  private let client: KubernetesClient
  private let settings: Settings
  private let logger: Logger

  /// - Parameter client: of the recorder's own service account, with `ClusterControlPlane.patience`.
  package init(_ client: KubernetesClient, _ settings: Settings, logger: Logger) {
    self.client = client
    self.settings = settings
    self.logger = logger
  }

  /// Serves until the calling task is cancelled; then requests in flight have five seconds to end.
  ///
  /// - Parameter running: called with the port when connections are accepted.
  /// - Throws: `Fault` naming what of the volume, or of the certificate, cannot be used: also a record of the log that is
  ///   not as it was written.
  package func run(running: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
    let certificate = try ServingCertificate(settings.certificate, logger: logger)
    let witnesses = try settings.witness.witnesses()
    let log = try await AuditLogFile.open(directory: auditDirectory, logger: logger)
    let result: Result<Void, any Error>
    do {
      try await serve(
        log, AuditWitnesses(witnesses, log: log, actor: "recorder", logger: logger), certificate, running)
      result = .success(())
    } catch { result = .failure(error) }
    try await log.close()
    try result.get()
  }

  private var auditDirectory: String { "\(settings.directory)/audit" }

  private func serve(
    _ log: AuditLogFile, _ witnesses: AuditWitnesses, _ certificate: ServingCertificate,
    _ running: @escaping @Sendable (Int) async -> Void
  ) async throws {
    let audit = AuditTrail(log: log, logger: logger)
    // Before anything is appended: a log that was set back stays as it was found.
    for event in try await witnesses.compare() { try await audit.require(event) }
    let directory = settings.directory
    let store = try await Store.open(path: "\(directory)/alerts.db", key: try Self.key(in: directory))
    let owners = PodOwners(namespaces: settings.namespaces)
    let shares = AuditShares(volume: AuditVolume(of: auditDirectory))
    let archivist = settings.archive.map {
      AuditArchivist(
        log: auditDirectory,
        settings: AuditArchivist.Settings(directory: "\($0.directory)/segments", age: $0.age), audit: audit,
        logger: logger)
    }
    let api = RecorderAPI(
      audit: audit, store: store, accounts: settings.accounts, owners: owners, shares: shares,
      authenticator: ClusterAuthenticator(
        questions: ClusterQuestions(client: client), audiences: [settings.audience], sessions: nil),
      logger: logger)
    // They end in the opposite order: what is answered last is told, and handed over.
    var services: [any Service] = witnesses.isIdle ? [] : [witnesses]
    services += [
      WithheldAlerts(shares: shares, audit: audit),
      Application(
        responder: api.responder(), server: try apiServer(api.limits, tls: try certificate.configuration()),
        configuration: ApplicationConfiguration(
          address: .hostname(settings.listen.host, port: Int(settings.listen.port)),
          availableConnectionsDelegate: .maximum(api.limits.connections, logger: logger)),
        onServerRunning: { channel in await running(channel.localAddress?.port ?? 0) }, logger: logger),
      CertificateWatch(certificate: certificate),
      PodOwnersWatch(client: client, owners: owners, logger: logger),
    ]
    if let archivist { services.append(archivist) }
    if let address = settings.probes {
      services.append(
        ProbeService(
          server: ProbeServer(
            address: address, metrics: { api.exposition(witnesses: witnesses, archivist: archivist) }, logger: logger)))
    }
    try await ServiceGroup.run(services, logger: logger)
    try store.close()
  }

  /// Of the alerts' contents. It lies with them: what keeps both from others is the volume, which its class encrypts.
  private static func key(in directory: String) throws -> StoreKey {
    let path = "\(directory)/alerts.key"
    if let bytes = FileManager.default.contents(atPath: path) {
      guard bytes.count == 32 else {
        throw Fault(
          .invalid, operation: "read \(path)", reason: "it has \(bytes.count) bytes, not 32",
          remedy: "restore it, with alerts.db, from a snapshot of the volume")
      }
      return StoreKey(SecretValue(Array(bytes)))
    }
    guard FileStatus("\(directory)/alerts.db") == nil else {
      throw Fault(
        .notFound, operation: "read \(path)", reason: "it is not there, and alerts.db is",
        remedy: "restore it from a snapshot of the volume, or remove alerts.db and with it the alerts")
    }
    var random = SystemRandomNumberGenerator()
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    try writeAtomically(Data(bytes), to: path, mode: 0o400)
    return StoreKey(SecretValue(bytes))
  }
}
