import APIModel
import AgentModel
import Detection
import Foundation
import NodeProtocol

/// Writes alerts: what a rule found, or what the sentinel found about its own sight.
struct AlertAuthor: Sendable {
  /// Bytes of an output, and of one of its values.
  private static let longestOutput = 16_384
  private static let longestValue = 4_096
  /// Bytes of a rule's name, of a tag and of a field's name, as the API takes them.
  private static let longestName = 256
  private static let longestTag = 128
  /// What no sandbox is concerned by, as Falco calls it.
  static let host = "host"

  let hostName: String

  /// - Parameter time: nanoseconds since 1970.
  func alert(
    _ rule: CompiledRules.Rule, output: (text: String, fields: [(name: String, value: JSONValue)]), time: UInt64,
    in sandbox: WatchedSandbox?, container: String? = nil
  ) -> AlertResource {
    var fields: [String: JSONValue] = [:]
    for (name, value) in output.fields.prefix(256) { fields[name.shortened(to: Self.longestTag)] = value }
    return alert(
      rule.name, rule.priority, output.text, fields, rule.tags, source: "syscall", in: sandbox,
      container, at: Date(nanoseconds: time))
  }

  /// - Parameters:
  ///   - sandbox: whose; `nil` for what concerns none, or one of which nobody says whose it is.
  ///   - container: of the latter.
  func alert(
    _ finding: SightFinding, in sandbox: WatchedSandbox?, container: String? = nil, at time: Date = .now
  ) -> AlertResource {
    var fields = finding.fields
    if let sandbox {
      fields["agent.name"] = .string(sandbox.agent.name.description)
      fields["agent.tenant"] = .string(sandbox.agent.tenant.description)
    }
    return alert(
      finding.rule, finding.priority, finding.output, fields, finding.tags, source: "internal", in: sandbox, container,
      at: time)
  }

  /// The alert as it is once it is known whose sandbox it was about.
  func alert(_ alert: AlertResource, in sandbox: WatchedSandbox) -> AlertResource {
    var alert = alert
    alert.container = sandbox.container
    let priority = AlertPriority(alert.priority) ?? .critical
    let wanted = AgentResponse.wanted(priority: priority, tags: alert.tags, agent: sandbox.response)
    alert.response = wanted.rawValue
    alert.responseState = wanted == .alert ? .none : .pending
    return alert
  }

  private func alert(
    _ rule: String, _ priority: AlertPriority, _ output: String, _ fields: [String: JSONValue], _ tags: [String],
    source: String, in sandbox: WatchedSandbox?, _ container: String?, at time: Date
  ) -> AlertResource {
    let wanted = AgentResponse.wanted(priority: priority, tags: tags, agent: sandbox?.response ?? .alert)
    return AlertResource(
      id: UUID().uuidString.lowercased(), time: time, rule: rule.shortened(to: Self.longestName),
      priority: priority.description, source: source, agent: nil,
      container: sandbox?.container ?? container ?? Self.host,
      hostname: hostName, output: output.shortened(to: Self.longestOutput),
      outputFields: fields.mapValues { $0.shortened(to: Self.longestValue) },
      tags: tags.prefix(64).map { $0.shortened(to: Self.longestTag) }, response: wanted.rawValue,
      responseState: wanted == .alert ? .none : .pending)
  }
}

extension AgentResponse {
  /// A rule's tag `response_kill` and its like ask for a response; else critical alerts have the agent's.
  static func wanted(priority: AlertPriority, tags: [String], agent: AgentResponse) -> AgentResponse {
    let asked = tags.compactMap { tag in
      tag.hasPrefix("response_") ? AgentResponse(rawValue: String(tag.dropFirst("response_".count))) : nil
    }
    return asked.max() ?? (priority <= .critical ? agent : .alert)
  }
}

extension Date {
  /// - Parameter nanoseconds: since 1970.
  init(nanoseconds: UInt64) { self.init(timeIntervalSince1970: Double(nanoseconds) / 1e9) }
}

extension JSONValue {
  fileprivate func shortened(to bytes: Int) -> JSONValue {
    switch self {
    case .string(let text): .string(text.shortened(to: bytes))
    case .list(let items): .list(items.prefix(64).map { $0.shortened(to: bytes / 16) })
    case .null, .bool, .int, .unsigned, .double: self
    }
  }
}

extension String {
  fileprivate func shortened(to bytes: Int) -> String {
    guard utf8.count > bytes else { return self }
    // A character that is cut in two becomes one of three bytes.
    return String(decoding: utf8.prefix(bytes - 6), as: UTF8.self) + "…"
  }
}
