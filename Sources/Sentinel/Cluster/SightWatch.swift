import AgentModel
import Faults
import Instruments
import KubernetesAPI
import Logging

/// Has no agent run unwatched: a Pod whose sandbox tells nothing is deleted, so that one is made in its place that does.
///
/// A session that has ended cannot be made anew from a Pod: only root of the node can do that. So it goes with all agents
/// of a node when its sentinel ends.
struct SightWatch: Sendable {
  static let grace = Duration.seconds(10)
  /// Between two tries to delete the same Pod.
  private static let pause = Duration.seconds(5)

  let table: PodTable
  let responder: PodResponder
  let server: DetectionServer
  let events: AgentEvents
  let metrics: ClusterSentinelMetrics
  let logger: Logger
  var grace = SightWatch.grace

  /// Until the calling task is cancelled.
  func run() async throws {
    var tried: [String: ContinuousClock.Instant] = [:]
    while true {
      try await Task.sleep(for: .milliseconds(500))
      let now = ContinuousClock.now
      let pods = table.unwatched(for: grace, now: now)
      tried = tried.filter { entry in pods.contains { $0.uid == entry.key } }
      for pod in pods where tried[pod.uid].map({ $0.duration(to: now) >= Self.pause }) ?? true {
        if tried[pod.uid] == nil { await tell(pod) }
        tried[pod.uid] = now
        do {
          try await responder.delete(pod)
          metrics.replaced.add(1)
        } catch {
          try Task.checkCancellation()
          logger.error(
            "A Pod that nobody watches is not deleted; it is tried again",
            metadata: ["agent.id": "\(pod.agent)", "error": "\(error)"])
        }
      }
    }
  }

  private func tell(_ pod: WatchedPod) async {
    let seconds = Int(grace.components.seconds)
    logger.error(
      "A Pod that nobody watches is deleted", metadata: ["agent.id": "\(pod.agent)", "pod.uid": "\(pod.uid)"])
    server.tell(.finding(.unwatched(seconds: seconds), at: .container(pod.uid)))
    await events.tell(
      pod, action: "Replace", reason: "NotWatched",
      "its container ran for \(seconds) s without telling the sentinel what happens in it; its Pod is deleted")
  }
}
