import APIModel
import AgentModel
import ClusterAgents
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
    /// When what writes it began.
    var began: Date?
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

  func nameServers(for agent: AgentID?) async throws -> [Source] {
    try await sources(in: namespace, labels: "app.kubernetes.io/name=\(PlatformManifests.nameServer)") { _ in
      (.nameServer(agent: agent), PlatformManifests.nameServer)
    }
  }

  /// Of agents of one namespace.
  func gateways(of agents: [AgentID], in namespace: String) async throws -> [Source] {
    var found: [Source] = []
    for start in stride(from: 0, to: agents.count, by: Self.namesAtOnce) {
      let some = Dictionary(
        agents[start...].prefix(Self.namesAtOnce).map { ("\($0.name)", $0) }, uniquingKeysWith: { first, _ in first })
      let names = some.keys.sorted().joined(separator: ",")
      found += try await sources(in: namespace, labels: "\(AgentLabel.gatewayOf) in (\(names))") { pod in
        some[pod.labels[AgentLabel.gatewayOf] ?? ""].map { (.gateway(of: $0), AgentNames.gatewayContainer) }
      }
    }
    return found
  }

  private func sources(
    in namespace: String, labels: String, _ writer: (KubernetesObject) -> (DenialLines.Writer, String)?
  ) async throws -> [Source] {
    try await client.list(Self.pods, namespace: namespace, Selection(labels: labels)).objects.compactMap {
      pod -> Source? in
      guard let (writer, container) = writer(pod) else { return nil }
      let state = pod["status", "containerStatuses"]?.array?.first { $0["name"]?.string == container }?["state"]
      // One that waits has written nothing.
      guard let state, state["waiting"] == nil else { return nil }
      let began = (state["running"] ?? state["terminated"])?["startedAt"]
      return Source(
        writer: writer, namespace: namespace, pod: pod.name, container: container,
        began: began?.string.flatMap(APIJSON.date))
    }
  }

  // MARK: Reading

  /// What they tell, in no order, and what they do not.
  func read(_ sources: [Source], lines: Lines, until end: ContinuousClock.Instant) async -> [DenialResource] {
    await withTaskGroup(of: [DenialResource].self) { group in
      for source in sources {
        group.addTask { await places.take { await read(source, lines: lines, until: end) } }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
  }

  static func end() -> ContinuousClock.Instant { .now + whole }

  private func read(_ source: Source, lines: Lines, until end: ContinuousClock.Instant) async -> [DenialResource] {
    let count = if case .gateway = source.writer { lines.gateway } else { lines.nameServer }
    let told = Mutex(DenialLines(source.writer))
    var failure: String?
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
    } catch is Overdue {
      failure = "there was no time left"
    } catch is TooLong {
      failure = "it has more than \(Self.longest) bytes in \(count) lines"
    } catch let fault as Fault where [.notFound, .invalid].contains(fault.code) {
      // The Pod is gone, or its container has written nothing.
    } catch {
      failure = (error as? Fault)?.reason ?? "it was cut off"
    }
    let (denials, read) = told.withLock { ($0.denials, $0.lines) }
    if let failure {
      return denials + [.unread(source, at: .now, "the log of Pod \(source.pod) was not read to its end: \(failure)")]
    }
    guard read >= count else { return denials }
    return denials + [
      .unread(
        source, at: denials.map(\.time).min() ?? .now,
        "the log of Pod \(source.pod) goes further back than the \(count) lines that were read: "
          + "'kubectl logs \(source.pod) --namespace \(source.namespace) --container \(source.container)'")
    ]
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
