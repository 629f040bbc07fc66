import AgentModel
import Faults
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Logging
import ServiceLifecycle
import Synchronization

/// Whose each Pod of an agent is and on which node it runs, by the API server's word: of those that are there, and of
/// those that were lately, since what they did is told when they are gone.
final class PodOwners: Sendable {
  private struct Place: Sendable {
    var node: String
    var agent: AgentID
  }

  private struct State {
    var places: [String: Place] = [:]
    /// The ids of those that are there, by namespace; without one that was not told of yet.
    var present: [String: Set<String>] = [:]
    /// Since when Pods may be in a namespace that were not told of.
    var interrupted: [String: ContinuousClock.Instant] = [:]
    /// The ids of those that are gone, the oldest first from `firstGone` on.
    var gone: [String] = []
    var firstGone = 0
  }

  private static let podsAtLeast = 20_000
  /// A watch that breaks goes on within the reflector's longest pause. What lasts longer, as a namespace that is deleted or
  /// a right that is gone, must not hold up what all others' agents did.
  static let longestWait = Duration.seconds(60)

  private let tenants: [String: TenantName]
  /// Pods that are gone and of which alerts may still come.
  private let mostGone: Int
  private let state = Mutex(State())

  /// - Parameter namespaces: of the tenants.
  init(namespaces: [TenantName: String], mostGone: Int = PodOwners.podsAtLeast) {
    tenants = Dictionary(namespaces.map { ($0.value, $0.key) }) { first, _ in first }
    self.mostGone = mostGone
  }

  /// Whether all Pods were told of once; before, nobody is known not to be there. A namespace that cannot be followed for
  /// long is not waited for.
  func isThere(at now: ContinuousClock.Instant = .now) -> Bool {
    state.withLock { state in
      tenants.keys.allSatisfy { namespace in
        state.present[namespace] != nil || state.interrupted[namespace].map { now - $0 >= Self.longestWait } == true
      }
    }
  }

  var namespaces: [String] { tenants.keys.sorted() }

  /// - Returns: `nil` for a Pod that is no agent's, or on another node.
  func agent(ofPod uid: String, on node: String) -> AgentID? {
    state.withLock { state in state.places[uid].flatMap { $0.node == node ? $0.agent : nil } }
  }

  /// Whether nobody can say yet whose the Pod is: it may have begun since the API server's word was last heard.
  func mayBecomeKnown(_ uid: String, at now: ContinuousClock.Instant = .now) -> Bool {
    state.withLock { state in
      state.places[uid] == nil && state.interrupted.values.contains { now - $0 < Self.longestWait }
    }
  }

  func take(_ change: ObjectChange, in namespace: String) {
    guard tenants[namespace] != nil else { return }
    state.withLock { state in
      if case .interrupted = change {
        state.interrupted[namespace] = state.interrupted[namespace] ?? .now
      } else {
        state.interrupted[namespace] = nil
      }
      switch change {
      case .replaced(let objects):
        let before = state.present[namespace] ?? []
        let uids = Set(objects.compactMap { object in object.uid })
        state.present[namespace] = []
        for object in objects { take(object, in: namespace, &state) }
        for uid in before.subtracting(uids) { forget(uid, &state) }
      case .changed(let object): take(object, in: namespace, &state)
      case .deleted(let object):
        guard let uid = object.uid, state.present[namespace]?.remove(uid) != nil else { return }
        forget(uid, &state)
      case .interrupted, .current: return
      }
    }
  }

  private func take(_ pod: KubernetesObject, in namespace: String, _ state: inout State) {
    guard let uid = pod.uid, let tenant = tenants[namespace], pod.labels[AgentLabel.agent] == "true",
      // One that waits for a node does nothing yet.
      let node = pod["spec", "nodeName"]?.string, !node.isEmpty,
      let name = AgentName(pod.labels[AgentLabel.name] ?? pod.name)
    else { return }
    state.places[uid] = Place(node: node, agent: AgentID(tenant: tenant, name: name))
    state.present[namespace, default: []].insert(uid)
  }

  private func forget(_ uid: String, _ state: inout State) {
    guard state.places[uid] != nil else { return }
    state.gone.append(uid)
    guard state.gone.count - state.firstGone > mostGone else { return }
    state.places[state.gone[state.firstGone]] = nil
    state.firstGone += 1
    // Now and then, so that each costs little.
    guard state.firstGone > mostGone / 2 else { return }
    state.gone.removeFirst(state.firstGone)
    state.firstGone = 0
  }
}

/// Follows the agents' Pods.
struct PodOwnersWatch: Service {
  let client: KubernetesClient
  let owners: PodOwners
  let logger: Logger

  private static let pods = ResourceType(plural: "pods")

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        for namespace in owners.namespaces {
          group.addTask {
            await Reflector(
              client, Self.pods, namespace: namespace, Selection(labels: "\(AgentLabel.agent)=true")
            ).run { change in
              if case .interrupted(let fault) = change {
                logger.warning(
                  "Agents' Pods cannot be followed",
                  metadata: ["namespace": "\(namespace)", "error": "\(fault)"])
              }
              owners.take(change, in: namespace)
            }
          }
        }
      }
    }
  }
}
