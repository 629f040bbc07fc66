import FoundationEssentials

/// Times as the API has them of leases and events.
package enum MicroTime {
  /// RFC 3339 with six digits of a second, in UTC (`meta/v1` MicroTime).
  package static func text(_ time: Date) -> String {
    let microseconds = (time.timeIntervalSince1970 * 1_000_000).rounded(.down)
    let seconds = (microseconds / 1_000_000).rounded(.down)
    let digits = "\(Int(microseconds - seconds * 1_000_000))"
    let whole = Date(timeIntervalSince1970: seconds).formatted(.iso8601)
    return "\(whole.dropLast()).\(String(repeating: "0", count: max(0, 6 - digits.utf8.count)))\(digits)Z"
  }
}
