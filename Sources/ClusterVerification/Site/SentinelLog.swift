import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// What the sentinels of nodes tell, each by its output.
struct SentinelLog: Sendable {
  let site: ClusterSite

  /// Bytes that are read of one; other agents make it long.
  private static let longest = 4 << 20

  /// - Throws: `NotTestable` where there is none that is ready.
  func requireSentinel() async throws {
    // An agent may be called so, too: the namespace is what counts.
    let sets = try await site.client.list(
      .daemonSets, namespace: site.values.namespaces.sentinel, Self.selector
    ).objects
    guard sets.contains(where: { ($0["status", "numberReady"]?.int ?? 0) > 0 }) else {
      throw NotTestable("no sentinel watches the nodes: there is no DaemonSet of it that is ready")
    }
  }

  /// The first alert that fits, of a node's sentinel, which is awaited.
  ///
  /// - Parameters:
  ///   - span: how long before now it may have been told.
  /// - Returns: the line of Falco's JSON; and whether more was told than was read.
  func first(
    on node: String, since span: Duration, within patience: Duration, where fits: (JSON) -> Bool
  ) async throws -> (alert: JSON?, isCut: Bool) {
    let start = ContinuousClock.now
    var isCut = false
    while true {
      let watchers = try await site.client.list(
        .pods, namespace: site.values.namespaces.sentinel, Self.selector
      ).objects.filter { $0["spec", "nodeName"]?.string == node }
      for watcher in watchers {
        // What is too much is missing at the end.
        let log = try await site.client.log(
          of: watcher.name, namespace: site.values.namespaces.sentinel, last: start.duration(to: .now) + span,
          limit: Self.longest)
        isCut = isCut || log.count >= Self.longest
        if let alert = Self.first(in: log, where: fits) { return (alert, isCut) }
      }
      guard start.duration(to: .now) < patience else { return (nil, isCut) }
      try await Task.sleep(for: .seconds(1))
    }
  }

  private static let selector = Selection(labels: "app.kubernetes.io/name=sentinel")

  static func first(in log: [UInt8], where fits: (JSON) -> Bool) -> JSON? {
    for line in log.split(separator: UInt8(ascii: "\n")) {
      if let alert = try? JSON(Array(line)), fits(alert) { return alert }
    }
    return nil
  }

  /// Whether an alert is about this Pod, by what the sentinel knows of it.
  static func isOf(_ pod: String, _ alert: JSON) -> Bool { alert["output_fields"]?["k8s.pod.name"]?.string == pod }
}
