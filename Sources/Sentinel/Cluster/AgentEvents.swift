import JSONValues
import KubernetesAPI
import Logging
import Synchronization

/// Tells beside Agents what was found and done, as far as it can be told: of each agent a few at once and then two a
/// minute, since an agent makes as many alerts as it likes.
final class AgentEvents: Sendable {
  private let client: KubernetesClient
  private let identity: String
  private let logger: Logger
  private let budget = Mutex(EventBudget())

  init(client: KubernetesClient, identity: String, logger: Logger) {
    self.client = client
    self.identity = identity
    self.logger = logger
  }

  func tell(_ pod: WatchedPod, action: String, reason: String, _ note: String) async {
    guard budget.withLock({ $0.admits(pod.uid, now: .now) }) else { return }
    // Beside the Pod where there is no Agent.
    var regarding = KubernetesObject(fields: [
      "apiVersion": .string(pod.owner == nil ? "v1" : "lobstack.dev/v1"),
      "kind": .string(pod.owner == nil ? "Pod" : "Agent"),
      "metadata": ["uid": .string(pod.owner?.uid ?? pod.uid)],
    ])
    regarding.name = pod.owner?.name ?? pod.name
    regarding.namespace = pod.namespace
    let event = ObjectEvent(
      regarding: regarding, controller: "lobstack.dev/sentinel", instance: identity, action: action, reason: reason,
      note: note, isWarning: true)
    do { try await client.create(event.object, of: ObjectEvent.type) } catch {
      logger.debug("An event could not be told", metadata: ["agent.id": "\(pod.agent)", "error": "\(error)"])
    }
  }
}

/// How many Events there may be, by Pod.
struct EventBudget: Sendable {
  static let burst = 5.0
  private static let perSecond = 1.0 / 30
  private static let mostPods = 1_000

  private var buckets: [String: (tokens: Double, time: ContinuousClock.Instant)] = [:]

  mutating func admits(_ pod: String, now: ContinuousClock.Instant) -> Bool {
    if buckets.count >= Self.mostPods, buckets[pod] == nil { buckets.removeAll() }
    let (tokens, time) = buckets[pod] ?? (Self.burst, now)
    let left = min(Self.burst, tokens + time.duration(to: now) / .seconds(1) * Self.perSecond)
    buckets[pod] = (left >= 1 ? left - 1 : left, now)
    return left >= 1
  }
}
