import APIClient
import AgentModel
import AlertForwarding
import Foundation
import KubernetesAPI
import Logging
import NodeProtocol
import Probes

/// Watches what happens in the sandboxes of a cluster's node, by the same rules as on one machine; tells of it, and has
/// the API server do about it what agents' documents ask for.
///
/// It runs in a Pod without any privilege, and reads what agents wrote.
package struct ClusterSentinelService: Sendable {
  package struct Settings: Sendable {
    /// Where gVisor tells of sandboxes.
    package var socket: String
    /// The node's name.
    package var node: String
    /// Directory of the rules.
    package var rules: String
    /// The namespace of the tenant "default".
    package var agentsNamespace: String
    /// Of what holds agents' Pods back until their NetworkPolicies are in force; what that does is no event.
    package var platformImage: String
    package var probes: ListenAddress?
    package var forwarding = ForwardingSettings()
    /// Keeps alerts; `nil` where nobody does.
    package var recorder: RecorderClient.Settings?
    /// How long a container may run unwatched.
    package var grace = SightWatch.grace

    package init(
      socket: String, node: String, rules: String, agentsNamespace: String,
      platformImage: String, probes: ListenAddress? = nil,
      forwarding: ForwardingSettings = ForwardingSettings(), recorder: RecorderClient.Settings? = nil
    ) {
      self.socket = socket
      self.node = node
      self.rules = rules
      self.agentsNamespace = agentsNamespace
      self.platformImage = platformImage
      self.probes = probes
      self.forwarding = forwarding
      self.recorder = recorder
    }
  }

  package static let fieldManager = "lobstack-sentinel"
  /// Orders that wait for the API server.
  private static let longestQueue = 4_096

  private let client: KubernetesClient
  private let settings: Settings
  private let server: DetectionServer
  private let forwarder: AlertForwarder
  private let recorder: AlertForwarder
  private let write: @Sendable ([UInt8]) -> Void
  private let logger: Logger
  private let table = PodTable()
  private let metrics = ClusterSentinelMetrics()

  /// Listens at the socket; nothing is answered before `run`.
  ///
  /// - Parameter write: takes the lines of alerts.
  /// - Throws: `Fault(.failed)` when the socket is not to be had.
  package init(
    _ client: KubernetesClient, _ settings: Settings, logger: Logger, write: @escaping @Sendable ([UInt8]) -> Void
  ) throws {
    self.client = client
    self.settings = settings
    self.write = write
    self.logger = logger
    forwarder = try AlertForwarder(settings.forwarding, logger: logger)
    let recorders = settings.recorder.map { [RecorderOutlet($0)] } ?? []
    recorder = try AlertForwarder(ForwardingSettings(), others: recorders, logger: logger)
    server = try DetectionServer.open(
      socket: settings.socket, hostName: settings.node, naming: .cluster, logger: logger)
  }

  /// Watches until the calling task is cancelled.
  package func run(running: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
    let (messages, continuation) = AsyncStream.makeStream(
      of: SentinelMessage.self, bufferingPolicy: .bufferingOldest(Self.longestQueue))
    let events = AgentEvents(client: client, identity: settings.node, logger: logger)
    let responder = PodResponder(client: client, table: table, events: events, metrics: metrics, logger: logger)
    let lines = AlertLines(
      table: table, forwarder: forwarder, recorder: recorder, events: events, metrics: metrics, logger: logger,
      write: write)
    let sight = SightWatch(
      table: table, responder: responder, server: server, events: events, metrics: metrics, logger: logger,
      grace: settings.grace)
    let rules = RuleWatch(directory: settings.rules, serviceAddress: nil, logger: logger)
    let feed = PodFeed(
      client: client, node: settings.node, agents: settings.agentsNamespace,
      platformImage: settings.platformImage, table: table, server: server, logger: logger)
    server.tell(.link(continuation))
    server.start()
    defer { server.stop() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await rules.run { server.tell($0) } }
      group.addTask { await feed.run() }
      group.addTask { await listen(to: messages, responder) }
      group.addTask { await lines.run(server.alerts) }
      group.addTask { try await sight.run() }
      for forwarder in [forwarder, recorder] where !forwarder.isIdle { group.addTask { await forwarder.run() } }
      if let address = settings.probes {
        let probes = ProbeServer(
          address: address, isReady: { [table] in table.isReady },
          metrics: { [table, metrics] in metrics.exposition(table, [forwarder, recorder]) }, logger: logger)
        group.addTask { try await probes.run(running) }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private func listen(to messages: AsyncStream<SentinelMessage>, _ responder: PodResponder) async {
    await withDiscardingTaskGroup { group in
      for await message in messages {
        switch message {
        case .sessions(let sessions, _, let rules): table.set(sessions, rules: rules)
        case .order(let order):
          // Each once for a sandbox, unless a stronger one follows.
          group.addTask {
            if let answer = await responder.respond(order) { server.tell(.node(.answer(answer))) }
          }
        }
      }
      group.cancelAll()
    }
  }
}
