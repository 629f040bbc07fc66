import Faults
import KubernetesAPI
import KubernetesRendering
import Synchronization

/// Which types the cluster serves, asked for at most twice a minute.
final class ServedTypes: Sendable {
  private static let life = Duration.seconds(30)

  private struct Answer {
    var isServed: Bool
    var time: ContinuousClock.Instant
  }

  private let client: KubernetesClient
  private let answers = Mutex<[OwnedType: Answer]>([:])

  init(_ client: KubernetesClient) { self.client = client }

  func serves(_ type: OwnedType) async throws -> Bool {
    if type.source == .kubernetes { return true }
    if let answer = answers.withLock({ $0[type] }), answer.time.duration(to: .now) < Self.life {
      return answer.isServed
    }
    let isServed = try await client.serves(type.resource)
    answers.withLock { $0[type] = Answer(isServed: isServed, time: .now) }
    return isServed
  }

  /// What keeps agents from running: without the mesh nobody enforces who may speak to their gateways, and without
  /// agent-sandbox nobody makes Pods of Sandboxes.
  func missing(for values: Values) async throws -> Fault? {
    for type in OwnedType.all {
      switch type.source {
      case .istio where values.profile == .full:
        guard try await !serves(type) else { continue }
        return Fault(
          .unsupported, operation: "secure agents",
          reason: "the cluster does not serve \(type.resource): Istio is absent",
          remedy: "install Istio, or choose 'profile: lean' in the values and render again")
      case .agentSandbox where values.sandboxes:
        guard try await !serves(type) else { continue }
        return Fault(
          .unsupported, operation: "run agents in sandboxes",
          reason: "the cluster does not serve \(type.resource): agent-sandbox is absent",
          remedy: "install it, or take 'sandboxes: true' out of the values and render again")
      default: continue
      }
    }
    return nil
  }
}
