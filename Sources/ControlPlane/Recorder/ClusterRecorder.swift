import AgentModel
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

    package init(
      listen: ListenAddress, certificate: ServingCertificate.Source, probes: ListenAddress? = nil,
      audience: String = RecorderLayout.audience, directory: String, accounts: Accounts
    ) {
      self.listen = listen
      self.certificate = certificate
      self.probes = probes
      self.audience = audience
      self.directory = directory
      self.accounts = accounts
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
    let log = try await AuditLogFile.open(directory: "\(settings.directory)/audit", logger: logger)
    let result: Result<Void, any Error>
    do { result = .success(try await serve(log, certificate, running)) } catch { result = .failure(error) }
    try await log.close()
    try result.get()
  }

  private func serve(
    _ log: AuditLogFile, _ certificate: ServingCertificate, _ running: @escaping @Sendable (Int) async -> Void
  ) async throws {
    let directory = settings.directory
    let store = try await Store.open(path: "\(directory)/alerts.db", key: try Self.key(in: directory))
    let api = RecorderAPI(
      audit: AuditTrail(log: log, logger: logger), store: store, accounts: settings.accounts,
      authenticator: ClusterAuthenticator(
        questions: ClusterQuestions(client: client), audiences: [settings.audience], sessions: nil),
      logger: logger)
    try await serve(api, certificate, running)
    try store.close()
  }

  private func serve(
    _ api: RecorderAPI, _ certificate: ServingCertificate, _ running: @escaping @Sendable (Int) async -> Void
  ) async throws {
    var services: [any Service] = [
      Application(
        responder: api.responder(), server: try apiServer(api.limits, tls: try certificate.configuration()),
        configuration: ApplicationConfiguration(
          address: .hostname(settings.listen.host, port: Int(settings.listen.port)),
          availableConnectionsDelegate: .maximum(api.limits.connections, logger: logger)),
        onServerRunning: { channel in await running(channel.localAddress?.port ?? 0) }, logger: logger),
      CertificateWatch(certificate: certificate),
    ]
    if let address = settings.probes {
      services.append(
        ProbeService(
          server: ProbeServer(address: address, metrics: { api.exposition }, logger: logger)))
    }
    try await ServiceGroup.run(services, logger: logger)
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
