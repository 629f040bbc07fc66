import Deadlines
import Faults
import FoundationEssentials
import JSONValues
import Logging

/// One process' side of a lease: what it saw of it, and since when.
actor LeaseCandidate {
  private let client: KubernetesClient
  private let namespace: String
  private let name: String
  private let identity: String
  private let timing: LeaderElection.Timing
  private let logger: Logger
  /// The lease as it was last seen or written.
  private var lease: KubernetesObject?
  /// Since when its record is as it is, by this process' own clock.
  private var unchangedSince = ContinuousClock.now
  /// When the renewal that the server took last was begun.
  private var renewedAt = ContinuousClock.now

  init(
    _ client: KubernetesClient, namespace: String, name: String, identity: String, timing: LeaderElection.Timing,
    logger: Logger
  ) {
    self.client = client
    self.namespace = namespace
    self.name = name
    self.identity = identity
    self.timing = timing
    self.logger = logger
  }

  private enum Outcome {
    case leads
    case otherLeads
    /// Somebody else wrote at the same moment.
    case raced
  }

  func waitUntilLeading() async throws {
    while true {
      do {
        if case .leads = try await attempt(within: timing.renewal) { return }
      } catch let fault as Fault {
        logger.warning("The lease cannot be had", metadata: ["lease": "\(label)", "error": "\(fault)"])
      }
      try await Task.sleep(for: timing.retry * Double.random(in: 1...1.2))
    }
  }

  /// Ends when the last renewal is too long ago, whatever the next one waits for, or when cancelled.
  func waitUntilOverdue() async {
    while true {
      let rest = ContinuousClock.now.duration(to: renewedAt + timing.renewal)
      guard rest > .zero, (try? await Task.sleep(for: rest)) != nil else { return }
    }
  }

  /// Ends when the lease was not renewed in time, when another has it, or when cancelled.
  func renewUntilLost() async {
    while true {
      let rest = ContinuousClock.now.duration(to: renewedAt + timing.renewal)
      guard rest > .zero else { return }
      do {
        try await Task.sleep(for: min(timing.retry, rest))
        let left = ContinuousClock.now.duration(to: renewedAt + timing.renewal)
        guard left > .zero else { return }
        if case .otherLeads = try await attempt(within: left) { return }
      } catch let fault as Fault {
        logger.warning("The lease is not renewed", metadata: ["lease": "\(label)", "error": "\(fault)"])
      } catch {
        return
      }
    }
  }

  /// Gives the lease back; what fails leaves it to run out.
  func release() async {
    do {
      // A renewal may have been cut off, and taken all the same.
      let (namespace, name) = (namespace, name)
      let held = try await bounded(by: .seconds(5)) { try await $0.get(.leases, name, namespace: namespace) }
      guard LeaseRecord(held).holder == identity else { return }
      let free = LeaseRecord(held).released(at: Date()).put(into: held)
      see(try await bounded(by: .seconds(5)) { try await $0.replace(free, of: .leases) })
    } catch {
      logger.warning("The lease is not given back", metadata: ["lease": "\(label)", "error": "\(error)"])
    }
  }

  private var label: String { "\(namespace)/\(name)" }

  /// Takes or renews the lease, if it is free or this process'.
  private func attempt(within limit: Duration) async throws -> Outcome {
    let deadline = ContinuousClock.now + limit
    // Nobody writes a lease that is held: the state that was written last is mostly the one that is there.
    if let lease, LeaseRecord(lease).holder == identity {
      if case .leads = try await claim(lease, before: deadline) { return .leads }
    }
    let (namespace, name) = (namespace, name)
    do {
      let found = try await bounded(before: deadline) { try await $0.get(.leases, name, namespace: namespace) }
      see(found)
      return try await claim(found, before: deadline)
    } catch let fault as Fault where fault.code == .notFound {
      return try await make(before: deadline)
    }
  }

  private func claim(_ lease: KubernetesObject, before deadline: ContinuousClock.Instant) async throws -> Outcome {
    let begun = ContinuousClock.now
    let claim = LeaseRecord(lease).claim(
      by: identity, lasting: Int(timing.lease.components.seconds), unchanged: unchangedSince.duration(to: begun),
      at: Date())
    guard let claim else { return .otherLeads }
    return try await write(begun) {
      try await bounded(before: deadline) { try await $0.replace(claim.put(into: lease), of: .leases) }
    }
  }

  private func make(before deadline: ContinuousClock.Instant) async throws -> Outcome {
    let begun = ContinuousClock.now
    let now = MicroTime.text(Date())
    let record = LeaseRecord(
      holder: identity, duration: Int(timing.lease.components.seconds), acquired: now, renewed: now, transitions: 0)
    let fresh = record.put(
      into: KubernetesObject(fields: [
        "apiVersion": .string(ResourceType.leases.apiVersion), "kind": "Lease",
        "metadata": ["name": .string(name), "namespace": .string(namespace)],
      ]))
    return try await write(begun) {
      try await bounded(before: deadline) { try await $0.create(fresh, of: .leases) }
    }
  }

  /// - Parameter begun: before the request: others count from when they see it, which is later.
  private func write(
    _ begun: ContinuousClock.Instant, _ body: () async throws -> KubernetesObject
  ) async throws -> Outcome {
    do {
      see(try await body())
      renewedAt = begun
      return .leads
    } catch let fault as Fault where fault.code == .conflict || fault.code == .alreadyExists {
      return .raced
    }
  }

  private func see(_ found: KubernetesObject) {
    if lease.map({ LeaseRecord($0) }) != LeaseRecord(found) { unchangedSince = .now }
    lease = found
  }

  private func bounded(
    before deadline: ContinuousClock.Instant,
    _ body: @escaping @Sendable (KubernetesClient) async throws -> KubernetesObject
  ) async throws -> KubernetesObject {
    try await bounded(by: max(.zero, ContinuousClock.now.duration(to: deadline)), body)
  }

  private func bounded(
    by limit: Duration, _ body: @escaping @Sendable (KubernetesClient) async throws -> KubernetesObject
  ) async throws -> KubernetesObject {
    let (client, label) = (client, label)
    return try await withDeadline(
      limit,
      orThrow: Fault(
        .timedOut, operation: "renew the lease \(label)", reason: "no answer within \(limit)",
        remedy: "check the API server and its etcd")
    ) { try await body(client) }
  }
}
