import APIClient
import AgentModel
import ClusterAgents
import Faults
import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import KubernetesAPI
import KubernetesRendering
import Logging
import NIOCore
import Probes
import ServerCertificates
import ServiceGroups
import ServiceLifecycle

/// The control plane of a cluster. It keeps nothing: any number of them may run, and each answers alike.
package struct ClusterControlPlane: Sendable {
  package struct Settings: Sendable {
    package var listen: ListenAddress
    /// `nil` where a mesh's proxy in front of it speaks TLS.
    package var certificate: ServingCertificate.Source?
    /// Where /healthz, /readyz and /metrics are answered, without TLS; `nil` for nowhere.
    package var probes: ListenAddress?
    /// A token has to be for one of them.
    package var audiences: [String]
    /// What was rendered: the namespaces of the tenants, and what their agents' tiers have.
    package var values: Values
    /// File with what sessions are sealed by; where it is not there nobody logs in with a browser.
    package var sessionKey: String?
    /// Keeps the audit log and alerts; without one there are lines on standard output and Events.
    package var recorder: RecorderClient.Settings?

    package init(
      listen: ListenAddress, certificate: ServingCertificate.Source? = nil, probes: ListenAddress? = nil,
      audiences: [String], values: Values, sessionKey: String? = nil,
      recorder: RecorderClient.Settings? = nil
    ) {
      self.listen = listen
      self.certificate = certificate
      self.probes = probes
      self.audiences = audiences
      self.values = values
      self.sessionKey = sessionKey
      self.recorder = recorder
    }
  }

  /// Who changes objects, as their managed fields call it.
  package static let fieldManager = "lobstack-control-plane"
  /// How long an answer waits for an API server that is away.
  package static let patience = Duration.seconds(2)

  private let api: ClusterAPI
  private let settings: Settings
  private let certificate: ServingCertificate?
  private let logger: Logger

  /// - Parameter client: of the control plane's own service account, with `patience`.
  /// - Throws: `Fault` naming the file that cannot be read.
  package init(_ client: KubernetesClient, _ settings: Settings, logger: Logger) throws {
    self.settings = settings
    self.logger = logger
    certificate = try settings.certificate.map { try ServingCertificate($0, logger: logger) }
    api = ClusterAPI(
      client: client, values: settings.values, audiences: settings.audiences,
      sessions: try settings.sessionKey.flatMap { try Self.sessions($0, logger: logger) },
      audit: ClusterAudit(
        write: ClusterAudit.standardOutput, recorder: settings.recorder.map { RecorderClient($0) }, logger: logger),
      limits: APILimits(), logger: logger)
  }

  private static func sessions(_ file: String, logger: Logger) throws -> SealedSessions? {
    guard let secret = FileManager.default.contents(atPath: file) else {
      logger.notice("Nobody can log in to the dashboard: there is no key", metadata: ["file": "\(file)"])
      return nil
    }
    return try SealedSessions(secret: Array(secret), source: file)
  }

  /// Serves until the calling task is cancelled; then requests in flight have five seconds to end.
  ///
  /// - Parameter running: called with the port when connections are accepted.
  package func run(running: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
    var services: [any Service] = [
      AgentWatch(client: api.client, cache: api.cache, logger: logger), try application(running),
    ]
    if let certificate { services.append(CertificateWatch(certificate: certificate)) }
    if let address = settings.probes {
      services.append(
        ProbeService(
          server: ProbeServer(
            address: address, isReady: { [cache = api.cache] in cache.isThere },
            metrics: { [api] in api.exposition }, logger: logger)))
    }
    let result: Result<Void, any Error>
    do { result = .success(try await ServiceGroup.run(services, logger: logger)) } catch { result = .failure(error) }
    try? await api.audit.recorder?.shutdown()
    try result.get()
  }

  private func application(_ running: @escaping @Sendable (Int) async -> Void) throws -> some ApplicationProtocol {
    Application(
      responder: api.responder(), server: try apiServer(api.limits, tls: try certificate?.configuration()),
      configuration: ApplicationConfiguration(
        address: .hostname(settings.listen.host, port: Int(settings.listen.port)),
        availableConnectionsDelegate: .maximum(api.limits.connections, logger: logger)),
      onServerRunning: { channel in await running(channel.localAddress?.port ?? 0) }, logger: logger)
  }
}

/// Keeps the list of agents.
private struct AgentWatch: Service {
  let client: KubernetesClient
  let cache: ClusterAgentCache
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await Reflector(client, AgentObject.type).run { change in
        if case .interrupted(let fault) = change {
          logger.warning("The list of agents may be old", metadata: ["error": "\(fault)"])
        }
        cache.take(change)
      }
    }
  }
}

/// Takes up a certificate that was renewed.
struct CertificateWatch: Service {
  let certificate: ServingCertificate

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do { try await Task.sleep(for: .seconds(10)) } catch { return }
        certificate.reload()
      }
    }
  }
}

struct ProbeService: Service {
  let server: ProbeServer

  func run() async throws { try await server.run() }
}
