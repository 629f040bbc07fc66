import AgentModel
import Blueprint
import Faults
import KubernetesAPI
import KubernetesRendering
import Logging
import Probes

/// Has the Agents of a cluster be what their documents say: one process leads, the others wait to take its place.
package struct OperatorService: Sendable {
  package struct Settings: Sendable {
    package var values: Values
    package var policy: Policy
    /// What runs agents' gateways.
    package var gateway: GatewayConfiguration
    /// Where agents with secrets are made known; `nil` where others do that.
    package var secretsManager: SecretsManager?
    /// Of the Lease.
    package var namespace: String
    /// This process' own among the candidates.
    package var identity: String
    /// Agents that are looked at at once.
    package var workers: Int
    /// Where /healthz, /readyz and /metrics are answered, without TLS; `nil` for nowhere.
    package var probes: ListenAddress?
    package var timing: LeaderElection.Timing

    package init(
      values: Values, policy: Policy, gateway: GatewayConfiguration, secretsManager: SecretsManager? = nil,
      namespace: String, identity: String, workers: Int = 16,
      probes: ListenAddress? = nil, timing: LeaderElection.Timing = LeaderElection.Timing()
    ) {
      self.values = values
      self.policy = policy
      self.gateway = gateway
      self.secretsManager = secretsManager
      self.namespace = namespace
      self.identity = identity
      self.workers = workers
      self.probes = probes
      self.timing = timing
    }
  }

  package static let fieldManager = Expander.manager
  private static let lease = "lobstack-operator"

  private let client: KubernetesClient
  /// Of its own, so that nothing that the work does keeps the lease from being renewed.
  private let leaseClient: KubernetesClient
  private let settings: Settings
  private let logger: Logger
  private let metrics = OperatorMetrics()

  package init(_ client: KubernetesClient, lease: KubernetesClient, _ settings: Settings, logger: Logger) {
    self.client = client
    leaseClient = lease
    self.settings = settings
    self.logger = logger
  }

  /// Runs until the calling task is cancelled; then the lease is given back.
  package func run(running: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
    let election = try LeaderElection(
      leaseClient, namespace: settings.namespace, name: Self.lease, identity: settings.identity,
      timing: settings.timing,
      logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await election.run { await lead() } }
      if let address = settings.probes {
        // One that waits for the lease is ready to take it.
        let server = ProbeServer(address: address, metrics: { [metrics] in metrics.exposition }, logger: logger)
        group.addTask { try await server.run(running) }
      }
      do { try await group.next() } catch is CancellationError {}
      group.cancelAll()
      do { try await group.waitForAll() } catch is CancellationError {}
    }
  }

  /// The work of the one that leads: what it knows begins anew with each time that it does.
  private func lead() async {
    metrics.set(isLeading: true)
    defer { metrics.set(isLeading: false) }
    let secrets = settings.secretsManager.map(SecretsManagerSession.init)
    await Term(client: client, secrets: secrets, settings: settings, metrics: metrics, logger: logger).run()
    await secrets?.shutdown()
  }
}
