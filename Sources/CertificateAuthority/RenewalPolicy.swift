import FoundationEssentials

/// Decides when a certificate is replaced: spread out, so that not all of them ask at once.
package struct RenewalPolicy: Sendable, Hashable {
  /// The part of a life after which it is renewed.
  package let share: Double
  /// How much earlier or later, at most, as a part of the life.
  package let jitter: Double
  /// Past this part of a life the renewal has failed for so long that a person must look.
  private static let overdueShare = 0.75

  package static let halfLife = RenewalPolicy(share: 0.5, jitter: 0.1)
  /// For what people look at: of 90 days at least 60 are left, below which scanners begin to warn.
  package static let quarterLife = RenewalPolicy(share: 0.25, jitter: 0.05)
  /// As authorities on the Internet ask for (Let's Encrypt's integration guide), and no more often.
  package static let twoThirds = RenewalPolicy(share: 2.0 / 3, jitter: 0)

  /// - Parameter share: brought into 0 to `0.75 - jitter`, so that no renewal is overdue before it is due.
  package init(share: Double, jitter: Double) {
    self.jitter = min(max(jitter, 0), 0.25)
    self.share = min(max(share, 0), Self.overdueShare - self.jitter)
  }

  /// What the owner of a certificate has to do.
  package enum Urgency: Hashable, Sendable, Comparable {
    case none
    /// Renew it.
    case due
    /// Renew it and raise an alarm: it should have happened long ago.
    case overdue
    /// It is worth nothing any more.
    case ended
  }

  /// The time at which to renew. Draw it once per certificate and keep it.
  package func renewal(of validity: Validity, using generator: inout some RandomNumberGenerator) -> Date {
    let life = max(validity.notAfter.timeIntervalSince(validity.issued), 0)
    let part = share + Double.random(in: -jitter...jitter, using: &generator)
    return validity.issued + life * max(part, 0)
  }

  /// The same, with the system's randomness.
  package func renewal(of validity: Validity) -> Date {
    var generator = SystemRandomNumberGenerator()
    return renewal(of: validity, using: &generator)
  }

  /// - Parameter renewal: the time that `renewal(of:using:)` gave.
  package func urgency(of validity: Validity, renewal: Date, at time: Date) -> Urgency {
    if time > validity.notAfter { return .ended }
    let life = validity.notAfter.timeIntervalSince(validity.issued)
    if time >= validity.issued + life * Self.overdueShare { return .overdue }
    return time >= renewal ? .due : .none
  }
}
