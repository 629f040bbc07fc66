import APIModel
import AgentModel

/// An alert as a message of syslog (RFC 5424 §6), its text Falco's JSON.
struct SyslogMessage {
  /// What every receiver of today takes in one datagram; RFC 5424 §6.1 promises 2,048.
  static let longest = 8_192
  /// "Security/authorization messages" that are private (RFC 5424, table 1).
  private static let facility = 10

  let bytes: [UInt8]

  /// - Parameter process: the sender's id.
  init(_ alert: AlertResource, process: Int32) throws {
    // What is not known is shown rather than hidden.
    let severity = (AlertPriority(alert.priority) ?? .alert).rawValue
    // TIMESTAMP has microseconds at most.
    let time = "\(alert.falcoTime.dropLast(4))Z"
    let header =
      "<\(Self.facility * 8 + severity)>1 \(time) \(Self.hostName(alert.hostname)) lobstack \(process) alert - "
    var line = try alert.falcoLine()
    if header.utf8.count + line.count > Self.longest { line = try Self.shortened(alert).falcoLine() }
    bytes = Array(header.utf8) + line
  }

  /// PRINTUSASCII, at most 255 characters; "-" when it is not known.
  private static func hostName(_ text: String) -> String {
    let isPrintable = text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    return isPrintable && (1...255).contains(text.utf8.count) ? text : "-"
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
