import ClusterAgents
import Foundation
import Synchronization

/// When agents' Pods may be made again that ended for good: one that the kubelet refuses at once must not be made once a
/// second for ever.
final class Replacements: Sendable {
  /// A Pod that lived longer ended for another reason than its last one.
  private static let longLife: TimeInterval = 600
  private static let pauses = WorkQueue<ObjectKey>.Pauses(first: .seconds(5), longest: .seconds(300))

  private struct Entry {
    var count: Int
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
      let count = isShort ? (entries[agent]?.count ?? 0) + 1 : 1
      entries[agent] = Entry(
        count: count, due: .now + Self.pauses.pause(afterFailures: count, jitter: .random(in: 0...1)))
    }
  }

  func forget(_ agent: ObjectKey) { entries.withLock { $0[agent] = nil } }
}
