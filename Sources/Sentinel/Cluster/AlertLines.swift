import APIModel
import AgentModel
import AlertForwarding
import Foundation
import Instruments
import Logging

/// Which alerts were told before, of the last ten thousand.
struct RecentAlerts {
  private static let most = 10_000
  private var ids: Set<String> = []
  private var order: [String] = []
  private var next = 0

  /// - Returns: whether it was not told before.
  mutating func insert(_ id: String) -> Bool {
    guard ids.insert(id).inserted else { return false }
    if order.count < Self.most {
      order.append(id)
    } else {
      ids.remove(order[next])
      order[next] = id
      next = (next + 1) % Self.most
    }
    return true
  }
}

/// Tells alerts: a line of Falco's JSON each, beside the Agent, and to where alerts are forwarded. No alert waits for the
/// API server.
struct AlertLines: Sendable {
  let table: PodTable
  let forwarder: AlertForwarder
  /// Gets also what becomes of an alert.
  let recorder: AlertForwarder
  let events: AgentEvents
  let metrics: ClusterSentinelMetrics
  let logger: Logger
  /// Takes a line with its end.
  let write: @Sendable ([UInt8]) -> Void

  /// Until the calling task is cancelled.
  func run(_ alerts: AlertQueue) async {
    let (notes, continuation) = AsyncStream.makeStream(
      of: (WatchedPod, AlertResource).self, bufferingPolicy: .bufferingOldest(1_000))
    var told = RecentAlerts()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await (pod, alert) in notes {
          await events.tell(pod, action: "Alert", reason: "Alert", "\(alert.priority): \(alert.rule): \(alert.output)")
        }
      }
      for await _ in alerts.raised {
        while case let batch = alerts.batch(), !batch.isEmpty {
          for alert in batch { tell(alert, isNew: told.insert(alert.id), continuation) }
          alerts.removeBatch()
        }
      }
      continuation.finish()
      group.cancelAll()
    }
  }

  private func tell(
    _ alert: AlertResource, isNew: Bool, _ notes: AsyncStream<(WatchedPod, AlertResource)>.Continuation
  ) {
    let pod = table.pod(alert.container)
    let told = Self.named(alert, pod)
    do { write(try told.falcoLine() + [UInt8(ascii: "\n")]) } catch {
      logger.error("An alert cannot be written", metadata: ["alert.id": "\(alert.id)", "error": "\(error)"])
    }
    recorder.forward(told)
    // Told again, it says only what became of it.
    guard isNew else { return }
    metrics.alerts.add(1, alert.priority)
    forwarder.forward(told)
    guard let pod, (AlertPriority(alert.priority) ?? .critical) <= .warning else { return }
    notes.yield((pod, told))
  }

  /// With what Falco's consumers know Pods by, and what became of the alert.
  static func named(_ alert: AlertResource, _ pod: WatchedPod?) -> AlertResource {
    var alert = alert
    if let pod {
      alert.agent = pod.agent
      alert.outputFields["k8s.ns.name"] = .string(pod.namespace)
      alert.outputFields["k8s.pod.name"] = .string(pod.name)
      alert.outputFields["k8s.pod.uid"] = .string(pod.uid)
      alert.outputFields["agent.name"] = .string("\(pod.agent.name)")
      alert.outputFields["agent.tenant"] = .string("\(pod.agent.tenant)")
    } else if alert.container != AlertAuthor.host {
      alert.outputFields["container.id"] = .string(alert.container)
    }
    alert.outputFields["lobstack.response_state"] = .string(alert.responseState.rawValue)
    alert.outputFields["lobstack.response_reason"] = alert.responseReason.map(JSONValue.string)
    if let time = alert.responseTime {
      alert.outputFields["lobstack.response_ms"] = .int(Int64(max(0, time.timeIntervalSince(alert.time) * 1_000)))
    }
    if alert.suppressed > 0 { alert.outputFields["lobstack.suppressed"] = .int(Int64(alert.suppressed)) }
    return alert
  }
}
