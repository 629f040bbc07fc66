import APIModel
import AgentModel

/// An alert as a message of syslog (RFC 5424 §6), its text Falco's JSON.
struct SyslogMessage {
  /// What every receiver of today takes in one datagram; RFC 5424 §6.1 promises 2,048.
  static let longest = 8_192

  let bytes: [UInt8]

  /// - Parameter process: the sender's id.
  init(_ alert: AlertResource, process: Int32) throws {
    // What is not known is shown rather than hidden.
    let severity = (AlertPriority(alert.priority) ?? .alert).rawValue
    let header = Syslog.header(
      severity: severity, time: "\(alert.falcoTime.dropLast(4))Z", host: alert.hostname, process: process, kind: "alert"
    )
    var line = try alert.falcoLine()
    if header.utf8.count + line.count > Self.longest { line = try Self.shortened(alert).falcoLine() }
    bytes = Array(header.utf8) + line
  }

  /// Half a JSON would be no JSON: the fields go, and the end of the output. The store has all of it, under the id.
  private static func shortened(_ alert: AlertResource) -> AlertResource {
    var short = alert
    short.outputFields = [:]
    short.tags = Array(alert.tags.prefix(16))
    // A byte can become six in JSON.
    short.output = String(decoding: alert.output.utf8.prefix(1_000), as: UTF8.self) + "…"
    return short
  }
}
