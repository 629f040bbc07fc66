import Faults
import Logging

/// Has one of several processes do the work, by a Lease of the cluster.
///
/// The work is cancelled when its lease was not renewed for `timing.renewal`, which is sooner than the `timing.lease`
/// after which another takes it: what it needs to stop has to fit between. When this process ends in order, the lease
/// is given back once the work has stopped, so that another begins at once.
package struct LeaderElection: Sendable {
  /// As client-go's: longer ones need fewer requests, shorter ones another leader sooner.
  package struct Timing: Hashable, Sendable {
    /// How long a lease lasts that nobody renews; whole seconds, as it is written into it.
    package var lease: Duration
    /// How long the leader tries to renew before it stops.
    package var renewal: Duration
    /// Between two tries.
    package var retry: Duration

    package init(lease: Duration = .seconds(15), renewal: Duration = .seconds(10), retry: Duration = .seconds(2)) {
      self.lease = lease
      self.renewal = renewal
      self.retry = retry
    }

    /// Whether the work stops before another may begin.
    var isSafe: Bool {
      lease > renewal && renewal > retry * 1.2 && retry > .zero && lease == .seconds(lease.components.seconds)
    }
  }

  private let client: KubernetesClient
  private let namespace: String
  private let name: String
  private let identity: String
  private let timing: Timing
  private let logger: Logger

  /// - Parameters:
  ///   - namespace: of the Lease, which is made if need be.
  ///   - identity: this process' own, never used by another or before: a host's name and something random.
  package init(
    _ client: KubernetesClient, namespace: String, name: String, identity: String, timing: Timing = Timing(),
    logger: Logger
  ) throws {
    guard timing.isSafe, !identity.isEmpty else {
      throw Fault(
        .invalid, operation: "elect a leader by the lease \(namespace)/\(name)",
        reason: "the identity is empty, or the times do not let work stop before another begins",
        remedy: "use whole seconds of lease, more than of renewal, and those more than 1.2 of retry")
    }
    self.client = client
    self.namespace = namespace
    self.name = name
    self.identity = identity
    self.timing = timing
    self.logger = logger
  }

  /// Waits until this process leads, works, and begins again when the lease is lost: until the work ends by itself, or
  /// the calling task is cancelled.
  ///
  /// - Parameter work: cancelled when this process leads no more; it has to end then.
  /// - Throws: what the work throws; `CancellationError`.
  package func run(_ work: @escaping @Sendable () async throws -> Void) async throws {
    let candidate = LeaseCandidate(
      client, namespace: namespace, name: name, identity: identity, timing: timing, logger: logger)
    while true {
      try await candidate.waitUntilLeading()
      logger.info("This process leads", metadata: ["lease": "\(namespace)/\(name)", "identity": "\(identity)"])
      let end = await lead(candidate, work)
      if case .lost = end {
        logger.warning("This process leads no more", metadata: ["lease": "\(namespace)/\(name)"])
        continue
      }
      // Of its own: the caller's cancellation must not keep the next leader waiting. It is awaited here.
      await Task { await candidate.release() }.value
      guard case .ended(let result) = end else { return }
      return try result.get()
    }
  }

  private enum End: Sendable {
    case ended(Result<Void, any Error>)
    case lost
  }

  /// The work, while the lease is renewed beside it: also while it stops, whoever cancelled it.
  private func lead(_ candidate: LeaseCandidate, _ work: @escaping @Sendable () async throws -> Void) async -> End {
    // Both ended and awaited below; the caller's cancellation is the work's, which the lease has to outlast.
    let renewal = Task { await candidate.renewUntilLost() }
    let overdue = Task { await candidate.waitUntilOverdue() }
    return await withTaskGroup(of: End.self) { group in
      group.addTask {
        do { return .ended(.success(try await work())) } catch { return .ended(.failure(error)) }
      }
      for loss in [renewal, overdue] {
        group.addTask {
          await loss.value
          return .lost
        }
      }
      let end = await group.next() ?? .lost
      group.cancelAll()
      renewal.cancel()
      overdue.cancel()
      await group.waitForAll()
      return end
    }
  }
}
