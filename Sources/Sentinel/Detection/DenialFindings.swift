import NameResolution
import NetworkIsolation

/// Finds in what was refused what is more than a mistake: many refusals in a short time, names that carry data.
struct DenialFindings {
  /// Seconds that refusals are counted together.
  static let window = 10
  /// Refusals of one agent in that time that are a burst: a program that tries a host again makes some.
  static let burst = 50
  /// What the resolver calls queries of the shape of a tunnel.
  private static let tunnelRule = "dns-tunnel-like"

  private struct Count {
    var refused = 0
    var tunnels = 0
    var example = ""
    var isBurstTold = false
    var areTunnelsTold = false
  }

  private var counts: [DetectionServer.Place: Count] = [:]
  private var began: Int64 = 0

  mutating func add(_ denials: [Denial]) {
    for denial in denials {
      guard let interface = denial.key.interface else { continue }
      counts[.interface(interface), default: Count()].refused += denial.count
    }
  }

  mutating func add(_ attempts: [DeniedAttempt]) {
    for attempt in attempts {
      let place = DetectionServer.Place.address(attempt.key.source)
      counts[place, default: Count()].refused += attempt.count
      guard attempt.key.rule == Self.tunnelRule else { continue }
      counts[place]?.tunnels += attempt.count
      counts[place]?.example = attempt.key.host
    }
  }

  /// What is to be told now; each once in a window.
  ///
  /// - Parameter now: nanoseconds of the monotonic clock.
  mutating func take(now: Int64) -> [(SightFinding, DetectionServer.Place)] {
    var findings: [(SightFinding, DetectionServer.Place)] = []
    for (place, count) in counts {
      if count.refused >= Self.burst, !count.isBurstTold {
        findings.append((.deniedBurst(count.refused, seconds: Self.window), place))
        counts[place]?.isBurstTold = true
      }
      if count.tunnels > 0, !count.areTunnelsTold {
        findings.append((.tunnelShape(count.tunnels, example: count.example), place))
        counts[place]?.areTunnelsTold = true
      }
    }
    if now - began >= Int64(Self.window) * 1_000_000_000 {
      counts = [:]
      began = now
    }
    return findings
  }
}
