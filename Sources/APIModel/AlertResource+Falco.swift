import AgentModel
import FoundationEssentials

extension AlertResource {
  /// The alert as Falco's own JSON, one line without its end: what falcosidekick and parsers of SIEMs read.
  ///
  /// The members are those that Falco 0.40 writes (`falco_formats::format_event`), with the `uuid` that falcosidekick
  /// knows. Falco has no word for whose sandbox it was and what is done about it: both are output fields,
  /// `lobstack.agent` and `lobstack.response`.
  package func falcoLine() throws -> [UInt8] { try APIJSON.encode(FalcoAlert(self)) }

  /// When the event happened, `2026-11-27T05:06:07.123456000Z`, in UTC. A date is exact to the microsecond.
  package var falcoTime: String {
    let microseconds = Int64((time.timeIntervalSince1970 * 1_000_000).rounded())
    let second = microseconds / 1_000_000 - (microseconds % 1_000_000 < 0 ? 1 : 0)
    let fraction = "\(microseconds - second * 1_000_000)"
    let whole = Date(timeIntervalSince1970: Double(second)).formatted(Date.ISO8601FormatStyle())
    return "\(whole.dropLast()).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)000Z"
  }
}

private struct FalcoAlert: Encodable {
  var uuid: String
  var hostname: String
  var output: String
  var outputFields: [String: JSONValue]
  var priority: String
  var rule: String
  var source: String
  var tags: [String]
  var time: String

  enum CodingKeys: String, CodingKey {
    case uuid, hostname, output, priority, rule, source, tags, time
    case outputFields = "output_fields"
  }

  init(_ alert: AlertResource) {
    uuid = alert.id
    hostname = alert.hostname
    time = alert.falcoTime
    // As Falco writes it: "05:06:07.123456000: Warning A shell was spawned …".
    output = "\(time.dropFirst(11).dropLast()): \(alert.priority) \(alert.output)"
    outputFields = alert.outputFields
    if let agent = alert.agent { outputFields["lobstack.agent"] = .string(agent.description) }
    outputFields["lobstack.response"] = .string(alert.response)
    priority = alert.priority
    rule = alert.rule
    source = alert.source
    tags = alert.tags
  }
}
