import APIModel
import AgentModel
import FoundationEssentials

/// Attempts of an agent that were refused by name and are alike, counted together: DNS queries, or requests that the
/// proxy closed.
package struct DeniedAttempt: Hashable, Sendable {
  /// What makes two attempts alike.
  package struct Key: Hashable, Sendable {
    /// What refused it: `dns-refused-name`, `dns-tunnel-like`, …, `proxy-tls`, `proxy-http`, `proxy-ingress`.
    package var rule: String
    /// The agent's address, which it cannot forge; for `proxy-ingress` the identity in the caller's certificate.
    package var source: String
    /// Who the agent wanted to reach, as it said itself; printable, empty when it said nothing.
    package var host: String
    /// DNS record type, or HTTP method.
    package var method: String?
    package var path: String?
    /// Why it was refused, in the words of the one who did it.
    package var details: String?

    package init(
      rule: String, source: String, host: String, method: String? = nil, path: String? = nil, details: String? = nil
    ) {
      self.rule = rule
      self.source = source
      self.host = host
      self.method = method
      self.path = path
      self.details = details
    }
  }

  package var key: Key
  /// When the first of them came, nanoseconds since 1970.
  package var firstSeen: Int64
  package var count: Int

  package init(key: Key, firstSeen: Int64, count: Int) {
    self.key = key
    self.firstSeen = firstSeen
    self.count = count
  }
}

extension DeniedAttempt.Key {
  package init(_ verdict: QueryVerdict) {
    self.init(
      rule: "dns-\(verdict.outcome.rawValue)", source: verdict.source.description, host: verdict.name,
      method: verdict.type.isEmpty ? nil : verdict.type)
  }
}

extension DenialResource {
  /// - Parameter agent: whose it was, where that is known.
  package init(_ attempt: DeniedAttempt, agent: AgentID?) {
    self.init(
      time: Date(timeIntervalSince1970: Double(attempt.firstSeen) / 1e9), agent: agent, rule: attempt.key.rule,
      protocol: attempt.key.rule.hasPrefix("dns-") ? "dns" : "tcp", source: attempt.key.source, destination: "",
      port: nil, host: attempt.key.host, method: attempt.key.method, path: attempt.key.path,
      details: attempt.key.details, count: attempt.count)
  }
}

/// Gathers refused attempts between two drains, in bounded room and with a share for each agent: one that makes up a
/// name for every query hides neither itself nor the others.
package struct AttemptWindow: Sendable {
  /// Kinds of attempts that are told apart between two drains.
  package static let longest = 1_000
  /// Of them, of one agent.
  package static let longestPerAgent = 50

  /// Everything since the last drain.
  package struct Contents: Hashable, Sendable {
    /// In the order of their first ones.
    package var attempts: [DeniedAttempt] = []
    /// Attempts that had no room, by the agent's address.
    package var untold: [String: Int] = [:]

    package init() {}
  }

  private var contents = Contents()
  private var places: [DeniedAttempt.Key: Int] = [:]
  private var kinds: [String: Int] = [:]

  package init() {}

  /// - Parameter time: nanoseconds since 1970.
  package mutating func add(_ key: DeniedAttempt.Key, time: Int64) {
    if let place = places[key] {
      contents.attempts[place].count += 1
    } else if contents.attempts.count < Self.longest, kinds[key.source, default: 0] < Self.longestPerAgent {
      kinds[key.source, default: 0] += 1
      places[key] = contents.attempts.count
      contents.attempts.append(DeniedAttempt(key: key, firstSeen: time, count: 1))
    } else {
      addUntold(1, source: key.source)
    }
  }

  /// Attempts of which nothing but the agent is known.
  package mutating func addUntold(_ count: Int, source: String) {
    // Sources are addresses that the firewall checked, so few; past the bound they are counted together.
    let isKnown = contents.untold[source] != nil || contents.untold.count < Self.longest
    contents.untold[isKnown ? source : "", default: 0] += count
  }

  package mutating func drain() -> Contents {
    defer { self = AttemptWindow() }
    return contents
  }
}
