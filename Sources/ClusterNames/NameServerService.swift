import APIModel
import AgentModel
import ClusterAgents
import Faults
import Foundation
import KubernetesAPI
import KubernetesRendering
import Logging
import NameServing
import Probes

/// Answers the DNS queries of a cluster's agents, by what the API server told last.
package struct NameServerService: Sendable {
  package struct Settings: Sendable {
    /// The tenants' namespaces are looked at, and no others.
    package var values: Values
    package var address: IPv4Address
    /// 0 lets the kernel choose one.
    package var port: UInt16
    /// Where /healthz, /readyz and /metrics are answered, without TLS; `nil` for nowhere.
    package var probes: ListenAddress?
    package var limits: ResolverServer.Limits

    package init(
      values: Values, address: IPv4Address, port: UInt16, probes: ListenAddress? = nil,
      limits: ResolverServer.Limits = NameServerService.limits
    ) {
      self.values = values
      self.address = address
      self.port = port
      self.probes = probes
      self.limits = limits
    }
  }

  /// Those of one machine; and since a kubelet tells a Pod's address a moment after its program began, its first
  /// queries wait for that.
  package static let limits: ResolverServer.Limits = {
    var limits = ResolverServer.Limits()
    limits.patience = .seconds(3)
    limits.connections = 2_048
    return limits
  }()
  private static let interval = Duration.seconds(1)

  private let client: KubernetesClient
  private let settings: Settings
  private let server: ResolverServer
  private let directory: NameDirectory
  private let lists: KnownLists
  private let metrics = NameServerMetrics()
  private let report: @Sendable (DenialResource) -> Void
  private let logger: Logger

  /// Opens the sockets, from which nothing is read before everything is known.
  ///
  /// - Parameter report: is told what was refused, some hundred a second at most, on a thread of its own: it may block.
  /// - Throws: `Fault(.failed)` when address or port are not to be had.
  package init(
    _ client: KubernetesClient, _ settings: Settings, logger: Logger,
    report: @escaping @Sendable (DenialResource) -> Void
  ) throws {
    self.client = client
    self.settings = settings
    self.report = report
    self.logger = logger
    let values = settings.values
    directory = NameDirectory(
      tenants: Dictionary(values.tenants.keys.map { (values.namespace(of: $0), $0) }) { first, _ in first })
    lists = KnownLists(
      values.tenants.keys.flatMap { tenant in
        NameDirectory.Kind.allCases.map { KnownLists.List(kind: $0, namespace: values.namespace(of: tenant)) }
      })
    server = try ResolverServer.open(
      address: settings.address, port: settings.port, names: directory, limits: settings.limits)
  }

  package var port: UInt16 { server.port }
  package var isReady: Bool { lists.areThere }

  /// Runs until the calling task is cancelled.
  ///
  /// - Parameter probing: called with the port of the probes.
  package func run(probing: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
    let reports = ReportThread(report: report)
    defer {
      server.stop()
      reports.stop()
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for tenant in settings.values.tenants.keys.sorted() {
        let namespace = settings.values.namespace(of: tenant)
        for kind in NameDirectory.Kind.allCases { group.addTask { await follow(kind, in: namespace) } }
      }
      group.addTask { try await answer(reports) }
      if let address = settings.probes {
        let probes = ProbeServer(
          address: address, isReady: { [lists] in lists.areThere },
          metrics: { [metrics, directory, lists] in metrics.exposition(directory, lists) }, logger: logger)
        group.addTask { try await probes.run(probing) }
      }
      do { try await group.next() } catch is CancellationError {}
      group.cancelAll()
      do { try await group.waitForAll() } catch is CancellationError {}
    }
  }

  private func follow(_ kind: NameDirectory.Kind, in namespace: String) async {
    let list = KnownLists.List(kind: kind, namespace: namespace)
    let feed = NameFeed(kind: kind, namespace: namespace, directory: directory, logger: logger)
    await Reflector(client, kind.type, namespace: namespace, kind.selection).run { change in
      if case .interrupted(let fault) = change {
        guard lists.interrupted(list, isRefused: fault.code == .denied) else { return }
        logger.warning(
          "Objects cannot be followed; what was known of them stays",
          metadata: ["type": "\(kind.type)", "namespace": "\(namespace)", "error": "\(fault)"])
      } else {
        await feed.receive(change)
        lists.arrived(list)
      }
    }
  }

  /// Begins to answer when everything is known, then tells every second of what was refused.
  private func answer(_ reports: ReportThread) async throws {
    await lists.wait()
    try Task.checkCancellation()
    let known = directory.counts
    logger.info("Names are served", metadata: ["agents": "\(known.agents)", "addresses": "\(known.addresses)"])
    server.start()
    while true {
      try await Task.sleep(for: Self.interval)
      directory.expire(now: .now)
      let contents = server.drain()
      metrics.count(contents)
      let denials = DenialLog(contents.attempts, now: .now, agent: directory.agent(at:))
      metrics.countUnlogged(denials.untold + reports.add(denials.entries))
    }
  }
}
