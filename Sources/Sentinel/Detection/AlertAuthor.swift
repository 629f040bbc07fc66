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
    in sandbox: WatchedSandbox
  ) -> AlertResource {
    var fields: [String: JSONValue] = [:]
    for (name, value) in output.fields.prefix(256) {
      fields[name.shortened(to: Self.longestTag)] = value.shortened(to: Self.longestValue)
    }
    let wanted = AgentResponse.wanted(priority: rule.priority, tags: rule.tags, agent: sandbox.response)
    return AlertResource(
      id: UUID().uuidString.lowercased(), time: Date(nanoseconds: time),
      rule: rule.name.shortened(to: Self.longestName),
      priority: rule.priority.description, source: "syscall", agent: nil, container: sandbox.container,
      hostname: hostName, output: output.text.shortened(to: Self.longestOutput), outputFields: fields,
      tags: rule.tags.prefix(64).map { $0.shortened(to: Self.longestTag) }, response: wanted.rawValue,
      responseState: wanted == .alert ? .none : .pending)
  }

  /// - Parameter sandbox: whose; `nil` for what concerns none.
  func alert(_ finding: SightFinding, in sandbox: WatchedSandbox?, at time: Date = .now) -> AlertResource {
    let wanted = AgentResponse.wanted(
      priority: finding.priority, tags: finding.tags, agent: sandbox?.response ?? .alert)
    var fields = finding.fields.mapValues { $0.shortened(to: Self.longestValue) }
    if let sandbox {
      fields["agent.name"] = .string(sandbox.agent.name.description)
      fields["agent.tenant"] = .string(sandbox.agent.tenant.description)
    }
    return AlertResource(
      id: UUID().uuidString.lowercased(), time: time, rule: finding.rule, priority: finding.priority.description,
      source: "internal", agent: nil, container: sandbox?.container ?? Self.host, hostname: hostName,
      output: finding.output.shortened(to: Self.longestOutput), outputFields: fields, tags: finding.tags,
      response: wanted.rawValue, responseState: wanted == .alert ? .none : .pending)
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
