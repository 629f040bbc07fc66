import AgentModel
import ClusterAgents
import Documents
import Faults
import Foundation
import Instruments
import JSONValues
import KubernetesAPI
import Logging
import NodeProtocol

/// Has the cluster carry out what alerts ask for. What fails is tried again until it is done or there is no such Pod.
struct PodResponder: Sendable {
  /// Seconds that a killed agent's programs have: the least of which the API server waits for the kubelet's word that they
  /// ended. With 0 it would take the Pod for gone while they may still run.
  static let grace = 1

  let client: KubernetesClient
  let table: PodTable
  let events: AgentEvents
  let metrics: ClusterSentinelMetrics
  let logger: Logger
  var pauses = BackOff(first: .milliseconds(500), longest: .seconds(30))

  /// - Returns: what became of it; `nil` when the calling task was cancelled.
  func respond(_ order: ResponseOrder) async -> ResponseAnswer? {
    var pauses = pauses
    // Kept, since what is said of its Agent has to be said when the table has long forgotten the Pod, too.
    var seen: WatchedPod?
    while !Task.isCancelled {
      seen = table.pod(order.container) ?? seen
      guard let pod = seen else {
        return ResponseAnswer(alert: order.alert, time: .now, failure: "there is no such Pod any more")
      }
      do {
        try await carryOut(order, pod)
        metrics.responses.add(1, order.response.rawValue, "done")
        logger.warning(
          "An alert was answered",
          metadata: ["agent.id": "\(pod.agent)", "alert.id": "\(order.alert)", "response": "\(order.response)"])
        return ResponseAnswer(alert: order.alert, time: .now)
      } catch is CancellationError where Task.isCancelled {
        return nil
      } catch {
        metrics.responses.add(1, order.response.rawValue, "failed")
        logger.error(
          "A response failed; it is tried again",
          metadata: ["agent.id": "\(pod.agent)", "alert.id": "\(order.alert)", "error": "\(error)"])
      }
      // Cancelled while it waits, the loop ends.
      try? await Task.sleep(for: pauses.pause(jitter: .random(in: 0...1)))
    }
    return nil
  }

  private func carryOut(_ order: ResponseOrder, _ pod: WatchedPod) async throws {
    let containment = Containment(order)
    // The Agent first: its operator must not make another Pod in the place of this one.
    let told = await Result.of { try await tell(containment, of: pod) }
    switch containment.kind {
    case .killed:
      try await delete(pod)
      try await waitForEnd(of: pod)
    case .quarantined: try await quarantine(pod)
    }
    try told.get()
    await events.tell(pod, action: "Respond", reason: containment.kind.rawValue, containment.message)
  }

  /// Takes the Pod away, and no other of its name.
  func delete(_ pod: WatchedPod) async throws {
    do {
      try await client.delete(
        WatchedPod.type, pod.name, namespace: pod.namespace, Deletion(uid: pod.uid, grace: Self.grace))
    } catch let fault as Fault where fault.code == .notFound || fault.code == .conflict {
      // It is gone, and one of its name is another.
    }
  }

  private func quarantine(_ pod: WatchedPod) async throws {
    do {
      try await client.patch(
        .merge(["metadata": ["uid": .string(pod.uid), "labels": [quarantineLabel: "true"]]]), WatchedPod.type,
        pod.name, namespace: pod.namespace)
    } catch let fault as Fault where fault.code == .notFound || fault.code == .conflict {
      // As above.
    }
  }

  /// Until the kubelet, or the end of its trace, says that its programs have ended.
  private func waitForEnd(of pod: WatchedPod) async throws {
    let end = ContinuousClock.now + .seconds(30)
    while !table.isOver(pod.uid) {
      guard ContinuousClock.now < end else {
        throw Fault(
          .timedOut, operation: "kill agent \(pod.agent)", reason: "its Pod is being deleted, and still runs",
          remedy: "look at the kubelet of its node")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Writes the containment into the Agent's status, where the operator holds on to it.
  private func tell(_ containment: Containment, of pod: WatchedPod) async throws {
    guard let owner = pod.owner else { return }
    // Of an Agent that is gone nobody makes another Pod.
    _ = try await client.contain(ObjectKey(namespace: pod.namespace, name: owner.name), uid: owner.uid, containment)
  }
}

extension Containment {
  init(_ order: ResponseOrder) {
    self.init(order.response, "in response to alert \(order.alert) of rule '\(order.rule)'")
  }
}

extension Result where Failure == any Error {
  fileprivate static func of(_ body: () async throws -> Success) async -> Result {
    do { return .success(try await body()) } catch { return .failure(error) }
  }
}
