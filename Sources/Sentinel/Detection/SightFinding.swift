import AgentModel

/// What the sentinel finds about its own sight: an alert like a rule's, with source `internal`.
struct SightFinding: Hashable, Sendable {
  var rule: String
  var priority: AlertPriority
  var output: String
  var fields: [String: JSONValue] = [:]
  var tags: [String] = ["lobstack", "mitre_defense_evasion", "T1562"]

  /// An attacker who makes more events than can be told hides among them.
  static func dropped(_ count: UInt64, altogether: UInt64) -> SightFinding {
    SightFinding(
      rule: "Trace events dropped", priority: .critical,
      output: "gVisor could not tell \(count) events of the sandbox (dropped=\(count) altogether=\(altogether))",
      fields: ["dropped": .unsigned(count), "altogether": .unsigned(altogether)])
  }

  static func malformed(_ count: Int) -> SightFinding {
    SightFinding(
      rule: "Trace messages not understood", priority: .critical,
      output: "\(count) messages of the sandbox are not as gVisor's are", fields: ["count": .int(Int64(count))])
  }

  /// Of a sandbox without a Pod nobody knows what is to follow.
  static func nobodys(_ containers: [String]) -> SightFinding {
    SightFinding(
      rule: "Sandbox of no agent", priority: .critical,
      output:
        "A sandbox runs of which the API server does not say whose it is (containers=\(containers.joined(separator: " ")))",
      fields: ["containers": .list(containers)],
      // The API server's delay is no agent's fault.
      tags: ["lobstack", "mitre_defense_evasion", "T1562", "response_alert"])
  }

  /// Nothing is known of what it does.
  static func unwatched(seconds: Int) -> SightFinding {
    SightFinding(
      rule: "Sandbox not watched", priority: .critical,
      output: "The agent's container ran for \(seconds) s without telling what happens in it; its Pod is replaced",
      fields: ["seconds": .int(Int64(seconds))], tags: ["lobstack", "mitre_defense_evasion", "T1562", "response_alert"])
  }

  static let foreign = SightFinding(
    rule: "Trace message of another sandbox", priority: .critical,
    output: "The sandbox told of an event as if it were another's")

  static let overflow = SightFinding(
    rule: "Process table overflow", priority: .error,
    output: "The sandbox has more processes than it can have; what is known of them begins anew")

  /// What happened before is not known.
  static let late = SightFinding(
    rule: "Trace session began late", priority: .error,
    output: "The sandbox ran before its events were told: what happened until now is not known")

  static func rulesLoaded(_ count: Int) -> SightFinding {
    SightFinding(
      rule: "Detection rules loaded", priority: .notice, output: "\(count) rules are in force (rules=\(count))",
      fields: ["rules": .int(Int64(count))], tags: ["lobstack"])
  }

  static func rulesRefused(_ reason: String) -> SightFinding {
    SightFinding(
      rule: "Detection rules refused", priority: .error,
      output: "The changed rules are not loaded, those before stay in force: \(reason)",
      fields: ["reason": .string(reason)], tags: ["lobstack"])
  }

  static func alertsUntold(_ count: Int) -> SightFinding {
    SightFinding(
      rule: "Alerts not told", priority: .error,
      output: "\(count) alerts of the sandbox had no room while the API was away",
      fields: ["count": .int(Int64(count))])
  }

  static func tunnelShape(_ count: Int, example: String) -> SightFinding {
    SightFinding(
      rule: "DNS tunnel shape", priority: .error,
      output: "\(count) queries of the agent look like a tunnel (count=\(count) example=\(example))",
      fields: ["count": .int(Int64(count)), "example": .string(example)],
      tags: ["lobstack", "network", "mitre_exfiltration", "T1048", "T1071.004"])
  }

  static func deniedBurst(_ count: Int, seconds: Int) -> SightFinding {
    SightFinding(
      rule: "Denied egress burst", priority: .warning,
      output: "\(count) packets and requests of the agent were refused within \(seconds) s (count=\(count))",
      fields: ["count": .int(Int64(count))], tags: ["lobstack", "network", "mitre_discovery", "T1046"])
  }
}
