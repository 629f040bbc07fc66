import ClusterAgents
import Foundation
import KubernetesAPI
import Synchronization

/// When agents' Pods may be made again that ended for good: one that the kubelet refuses at once must not be made once a
/// second for ever.
final class Replacements: Sendable {
  /// A Pod that lived longer ended for another reason than its last one.
  private static let longLife: TimeInterval = 600
  private static let pauses = BackOff(first: .seconds(5), longest: .seconds(150))

  private struct Entry {
    var pauses: BackOff
    var due: ContinuousClock.Instant
  }

  private let entries = Mutex<[ObjectKey: Entry]>([:])

  /// How long until the next Pod may be made; `nil` for now.
  func pause(_ agent: ObjectKey) -> Duration? {
    guard let due = entries.withLock({ $0[agent]?.due }) else { return nil }
    let left = ContinuousClock.now.duration(to: due)
    return left > .zero ? left : nil
  }

  /// Takes note that a Pod was taken away that ended.
  ///
  /// - Parameter created: of the Pod.
  func note(_ agent: ObjectKey, created: Date?) {
    let isShort = created.map { -$0.timeIntervalSinceNow < Self.longLife } ?? true
    entries.withLock { entries in
      var pauses = isShort ? entries[agent]?.pauses ?? Self.pauses : Self.pauses
      let pause = pauses.pause(jitter: .random(in: 0...1))
      entries[agent] = Entry(pauses: pauses, due: .now + pause)
    }
  }

  func forget(_ agent: ObjectKey) { entries.withLock { $0[agent] = nil } }
}
