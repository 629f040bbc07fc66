import AgentModel
import Faults
import Glibc
import HTTPTypes
import Instruments
import Logging
import ServiceLifecycle
import Synchronization

/// What tenants may take of the audit log's volume, so that none of them fills it.
///
/// Of alerts each tenant has so many records in the long run; those beyond are kept and told as any, and the log is told
/// how many there were. When the volume runs low, each tenant's changes have a share too. The last of it is for how
/// things ended that had begun, and for archiving, which needs room itself: then nothing is begun.
final class AuditShares: Sendable {
  /// What is left of the volume.
  enum Room: Hashable, Sendable {
    case ample, low, reserve
  }

  /// Parts of the volume, free.
  static let low = 0.2
  static let reserve = 0.05

  /// What contains an agent. No share holds it up: who takes more than his own may be that agent.
  private static let containing: Set<String> = ["agent.respond", "agent.stop", "agent.delete"]

  struct Rates: Sendable {
    /// Records of alerts of one tenant in a second, and at once: in a day, at 300 bytes each, an eightieth of 10 GiB.
    var alerts = (rate: 5.0, burst: 2_000.0)
    /// Records of one tenant when the volume is low: of its alerts, and as many of what is asked about it.
    var low = (rate: 1.0, burst: 100.0)
  }

  let volume: AuditVolume
  let withheld = Counter(
    "lobstack_audit_withheld_total",
    "Alerts beyond their tenant's share of the audit log, which has their number alone.",
    by: "tenant")
  private let alerts: RateLimiter
  private let scarce: RateLimiter
  /// An agent raises as many as it likes: they take nothing of what its owner may do.
  private let scarceAlerts: RateLimiter
  /// By tenant, of which the log was not told yet.
  private let untold = Mutex<[String: Int]>([:])

  init(volume: AuditVolume, rates: Rates = Rates()) {
    self.volume = volume
    alerts = RateLimiter(rate: rates.alerts.rate, burst: rates.alerts.burst)
    scarce = RateLimiter(rate: rates.low.rate, burst: rates.low.burst)
    scarceAlerts = RateLimiter(rate: rates.low.rate, burst: rates.low.burst)
  }

  /// Whether the log takes the records of an alert; else it is counted.
  ///
  /// - Parameter tenant: `nil` for an alert of no agent, all of which have one share.
  func takes(_ events: [AuditEvent], of tenant: TenantName?) -> Bool {
    guard !events.isEmpty else { return true }
    let key = tenant?.description ?? ""
    let isTaken =
      switch volume.room {
      case .ample: alerts.take(key) == nil
      case .low: scarceAlerts.take(key) == nil
      case .reserve: false
      }
    guard !isTaken else { return true }
    withheld.add(1, key)
    untold.withLock { $0[key, default: 0] += 1 }
    return false
  }

  /// - Throws: a 429 for a tenant whose share is used up, a 507 for what would begin when the rest of the volume is
  ///   reserved.
  func require(_ event: AuditEvent) throws {
    // What has happened is recorded as long as anything can be.
    guard event.outcome == "allowed" || event.outcome == "denied" else { return }
    let operation = "record \(event.action) of \(event.target)"
    switch volume.room {
    case .ample: return
    case .reserve:
      throw Fault(
        .full, operation: operation,
        reason: "less than \(Int(Self.reserve * 100)) % of the audit log's volume is free, which stays reserved",
        remedy: "enlarge the recorder's volume, or have it archive sooner")
    case .low:
      guard !Self.containing.contains(event.action) else { return }
      let key = event.tenant?.description ?? "actor \(event.actor)"
      guard let wait = scarce.take(key) else { return }
      throw HTTPFault(
        status: .tooManyRequests,
        fault: Fault(
          .throttled, operation: operation,
          reason: "the audit log's volume is low, and of what is left '\(key)' has used its share",
          remedy: "wait as long as Retry-After says, and have the recorder's volume enlarged"),
        headers: [.retryAfter: "\(max(1, wait.components.seconds + 1))"])
    }
  }

  /// What the log is to be told of alerts that it does not have.
  fileprivate func takeUntold() -> [AuditEvent] {
    guard volume.room != .reserve else { return [] }
    let counts = untold.withLock { untold in
      defer { untold = [:] }
      return untold
    }
    return counts.sorted { $0.key < $1.key }.map { tenant, count in
      AuditEvent(
        actor: "recorder", action: "alert.withhold", target: tenant.isEmpty ? "alerts of no agent" : "tenant \(tenant)",
        outcome: "withheld", details: ["alerts": "\(count)"])
    }
  }

  /// Tells the log now.
  func tell(_ audit: AuditTrail) async { for event in takeUntold() { await audit.note(event) } }
}

extension AuditEvent {
  /// Of the agent that it is about.
  fileprivate var tenant: TenantName? {
    let prefix = "agent "
    return target.hasPrefix(prefix) ? AgentID(String(target.dropFirst(prefix.count)))?.tenant : nil
  }
}

/// Tells the log every minute how many alerts it does not have.
struct WithheldAlerts: Service {
  let shares: AuditShares
  let audit: AuditTrail

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do { try await Task.sleep(for: .seconds(60)) } catch { return }
        await shares.tell(audit)
      }
    }
    await shares.tell(audit)
  }
}

/// The file system that the audit log lies on, as it was a moment ago.
final class AuditVolume: Sendable {
  struct Size: Hashable, Sendable {
    var bytes: UInt64
    var free: UInt64
  }

  private let memory: Duration
  private let measure: @Sendable () -> Size?
  private let known = Mutex<(size: Size?, time: ContinuousClock.Instant)?>(nil)

  /// - Parameters:
  ///   - memory: how long what was measured is believed.
  ///   - measure: `nil` when it cannot be told; writing to it will tell.
  init(memory: Duration = .seconds(1), measure: @escaping @Sendable () -> Size?) {
    self.memory = memory
    self.measure = measure
  }

  convenience init(of directory: String) {
    self.init {
      var status = statvfs()
      guard statvfs(directory, &status) == 0 else { return nil }
      let (block, free) = (UInt64(status.f_frsize), UInt64(status.f_bavail))
      // Without what is kept for root, as df reckons.
      let used = UInt64(status.f_blocks) - min(UInt64(status.f_bfree), UInt64(status.f_blocks))
      return Size(bytes: (used + free) * block, free: free * block)
    }
  }

  var size: Size? {
    let now = ContinuousClock.now
    return known.withLock { known in
      if let known, now - known.time < memory { return known.size }
      let size = measure()
      known = (size, now)
      return size
    }
  }

  var room: AuditShares.Room {
    guard let size, size.bytes > 0 else { return .ample }
    let free = Double(size.free) / Double(size.bytes)
    return free < AuditShares.reserve ? .reserve : free < AuditShares.low ? .low : .ample
  }
}
