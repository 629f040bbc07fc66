import APIModel
import AgentModel
import ClusterAgents
import Deadlines
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import NIOCore
import Synchronization
import Turns

/// Reads what agents' gateways and the name servers wrote of what they refused: in bounded room and time, and with words for
/// what is not told because of it.
struct DenialLogs: Sendable {
  /// Gateways that one request reads. Each is a request to the API server, and to a kubelet.
  static let mostGateways = 100
  /// Lines of each log, from its end.
  struct Lines: Sendable {
    var gateway = 300
    var nameServer = 2_000

    /// Where one agent is asked about there is time for more.
    static let ofOne = Lines(gateway: 5_000, nameServer: 10_000)
  }
  /// Bytes of one log, in case that its lines are longer than ours are.
  private static let longest = 16 << 20
  /// For one log, and for all of a request.
  private static let (patience, whole) = (Duration.seconds(4), Duration.seconds(8))
  /// Names in one selector, which stands in a URL.
  private static let namesAtOnce = 50
  private static let pods = ResourceType(plural: "pods")

  /// A log that may be read.
  struct Source: Sendable {
    var writer: DenialLines.Writer
    var namespace: String
    var pod: String
    var container: String
    /// When what wrote it began.
    var began: Date?
    /// It is not the container's first: earlier ones' logs are gone.
    var isLater: Bool

    /// - Returns: `nil` for a container that has written nothing.
    init?(_ writer: DenialLines.Writer, of pod: KubernetesObject, in namespace: String, container: String) {
      let status = pod["status", "containerStatuses"]?.array?.first { $0["name"]?.string == container }
      guard let status, let state = status["state"] else { return nil }
      // One that waits to be started again has the log of how it ended.
      guard let wrote = state["running"] ?? state["terminated"] ?? status["lastState"]?["terminated"] else {
        return nil
      }
      self.writer = writer
      self.namespace = namespace
      self.container = container
      self.pod = pod.name
      began = wrote["startedAt"]?.string.flatMap(APIJSON.date)
      isLater = (status["restartCount"]?.int ?? 0) > 0
    }
  }

  /// What logs told.
  struct Told: Sendable {
    var denials: [DenialResource] = []
    /// Of whom name servers told, and when last.
    var agents: [AgentID: Date] = [:]

    mutating func add(_ other: Told, in window: DenialWindow) {
      denials += other.denials
      if let kept = window.kept(of: denials) { denials = kept.map { denials[$0] } }
      agents.merge(other.agents) { max($0, $1) }
    }
  }

  let client: KubernetesClient
  /// Where the name servers are.
  let namespace: String
  /// Over all requests: no more than these keep connections to the API server.
  private let places = Turn(places: 16)

  init(client: KubernetesClient, namespace: String) {
    self.client = client
    self.namespace = namespace
  }

  // MARK: Which there are

  func nameServers(for agent: AgentID?, until end: ContinuousClock.Instant) async throws -> [Source] {
    let labels = "app.kubernetes.io/name=\(PlatformManifests.nameServer)"
    return try await sources(in: namespace, labels: labels, until: end) { _ in
      (.nameServer(agent: agent), PlatformManifests.nameServer)
    }
  }

  /// Of agents of one namespace.
  func gateways(
    of agents: [AgentID], in namespace: String, until end: ContinuousClock.Instant
  ) async throws -> [Source] {
    var found: [Source] = []
    for start in stride(from: 0, to: agents.count, by: Self.namesAtOnce) {
      let some = Dictionary(
        agents[start...].prefix(Self.namesAtOnce).map { ("\($0.name)", $0) }, uniquingKeysWith: { first, _ in first })
      let names = some.keys.sorted().joined(separator: ",")
      let labels = "\(AgentLabel.gatewayOf) in (\(names))"
      found += try await sources(in: namespace, labels: labels, until: end) { pod in
        some[pod.labels[AgentLabel.gatewayOf] ?? ""].map { (.gateway(of: $0), AgentNames.gatewayContainer) }
      }
    }
    return found
  }

  private func sources(
    in namespace: String, labels: String, until end: ContinuousClock.Instant,
    _ writer: (KubernetesObject) -> (DenialLines.Writer, String)?
  ) async throws -> [Source] {
    let left = ContinuousClock.now.duration(to: end)
    let late = Fault(
      .unavailable, operation: "list Pods", reason: "the API server has not told in time which there are",
      remedy: "try again in a few seconds")
    let pods = try await withDeadline(left, orThrow: late) { [client] in
      try await client.list(Self.pods, namespace: namespace, Selection(labels: labels)).objects
    }
    return pods.compactMap { pod in
      writer(pod).flatMap { writer, container in Source(writer, of: pod, in: namespace, container: container) }
    }
  }

  // MARK: Reading

  /// What they tell, in no order, and what they do not.
  func read(
    _ sources: [Source], lines: Lines, _ window: DenialWindow, until end: ContinuousClock.Instant
  ) async -> Told {
    await withTaskGroup(of: Told.self) { group in
      for source in sources {
        group.addTask { await places.take { await read(source, lines: lines, window, until: end) } }
      }
      return await group.reduce(into: Told()) { $0.add($1, in: window) }
    }
  }

  static func end() -> ContinuousClock.Instant { .now + whole }

  private func read(
    _ source: Source, lines: Lines, _ window: DenialWindow, until end: ContinuousClock.Instant
  ) async -> Told {
    let count = if case .gateway = source.writer { lines.gateway } else { lines.nameServer }
    let told = Mutex(DenialLines(source.writer, window))
    var failure: (any Error)?
    do {
      let time = ContinuousClock.now.duration(to: end)
      guard time > .zero, !Task.isCancelled else { throw Overdue() }
      try await client.logs(
        ofPod: source.pod, namespace: source.namespace, container: source.container, lines: count, follow: false,
        limit: min(time, Self.patience)
      ) { piece in
        let bytes = told.withLock { told in
          told.add(piece)
          return told.bytes
        }
        guard bytes <= Self.longest else { throw TooLong() }
      }
    } catch { failure = error }
    let read = told.withLock { $0 }
    return Told(
      denials: read.denials + Self.untold(of: source, read, lines: count, failure: failure), agents: read.agents)
  }

  /// What is not told of a log, in words.
  static func untold(
    of source: Source, _ read: DenialLines, lines count: Int, failure: (any Error)?
  ) -> [DenialResource] {
    var rows: [DenialResource] = []
    let name = "the log of Pod \(source.pod)"
    if let failure {
      // Also a Pod that has gone meanwhile, or whose node has: it stood in the list as one that wrote something.
      let reason =
        switch failure {
        case is Overdue: "there was no time left"
        case is TooLong: "it has more than \(Self.longest) bytes in \(count) lines"
        default: (failure as? Fault)?.reason ?? "it was cut off"
        }
      rows.append(.unread(source, at: .now, "\(name) was not read to its end: \(reason)"))
    } else if read.lines >= count {
      rows.append(
        .unread(
          source, at: read.oldest ?? .now,
          "\(name) goes further back than the \(count) lines that were read: "
            + "'kubectl logs \(source.pod) --namespace \(source.namespace) --container \(source.container)'"))
    }
    if source.isLater {
      rows.append(
        .unread(
          source, at: source.began ?? .now,
          "\(source.container) in Pod \(source.pod) began anew then: what it refused before is not told"))
    }
    return rows
  }

  private struct Overdue: Error {}
  private struct TooLong: Error {}
}

extension DenialResource {
  /// The rule of what stands among denials for those that are not told.
  static let unreadRule = "unread"

  /// - Parameter time: of the newest that is not told.
  static func unread(agent: AgentID?, at time: Date, _ details: String) -> DenialResource {
    DenialResource(
      time: time, agent: agent, rule: unreadRule, protocol: "", source: "", destination: "", port: nil,
      details: details, count: 1)
  }

  fileprivate static func unread(_ source: DenialLogs.Source, at time: Date, _ details: String) -> DenialResource {
    let agent: AgentID? = if case .gateway(let agent) = source.writer { agent } else { nil }
    return unread(agent: agent, at: time, details)
  }
}
