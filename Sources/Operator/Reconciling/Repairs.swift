import ClusterAgents
import Faults
import KubernetesAPI
import Synchronization

/// Who had taken over lately what secures agents: the next look finds it as it should be, and whoever reads the conditions
/// is to know for a while.
final class Repairs: Sendable {
  private static let isTold = Duration.seconds(60)

  private let repairs = Mutex<[ObjectKey: (conflict: Fault, end: ContinuousClock.Instant)]>([:])

  func note(_ conflict: Fault, _ agent: ObjectKey) {
    repairs.withLock { $0[agent] = (conflict, .now + Self.isTold) }
  }

  /// - Returns: what is to be told, and for how long; `nil` for nothing.
  func last(of agent: ObjectKey) -> (conflict: Fault, left: Duration)? {
    repairs.withLock { repairs in
      guard let repair = repairs[agent] else { return nil }
      let left = ContinuousClock.now.duration(to: repair.end)
      if left <= .zero { repairs[agent] = nil }
      return left > .zero ? (repair.conflict, left) : nil
    }
  }

  func forget(_ agent: ObjectKey) { repairs.withLock { $0[agent] = nil } }
}
