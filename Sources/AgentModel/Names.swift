/// The rule of a Kubernetes DNS label, so that one name serves every target (RFC 1123 §2.1): 1 to 63 lower-case
/// letters, digits and hyphens, beginning and ending with a letter or digit.
package func isDNSLabel(_ text: String, longest: Int = 63) -> Bool {
  let bytes = Array(text.utf8)
  guard (1...longest).contains(bytes.count) else { return false }
  func isAlphanumeric(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
  guard let first = bytes.first, let last = bytes.last, isAlphanumeric(first), isAlphanumeric(last) else {
    return false
  }
  return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
}

/// A value that only parsing can make from text, written in JSON as that text.
package protocol ParsedText: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  /// - Returns: `nil` when `text` breaks the type's rule.
  init?(_ text: String)
  /// The rule, for an error message: "a DNS label: 1 to 63 of a-z, 0-9 and '-'".
  static var rule: String { get }
}

extension ParsedText {
  package static func < (left: Self, right: Self) -> Bool { left.description < right.description }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = Self(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is not \(Self.rule)")
    }
    self = value
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Names an agent within its tenant.
package struct AgentName: ParsedText {
  package let description: String
  package static let rule = "a DNS label: 1 to 63 of a-z, 0-9 and '-', not beginning or ending with '-'"

  package init?(_ text: String) {
    guard isDNSLabel(text) else { return nil }
    description = text
  }
}

/// Names the owner of a group of agents; two tenants never see each other's agents.
package struct TenantName: ParsedText {
  package let description: String
  package static let rule = AgentName.rule

  package init?(_ text: String) {
    guard isDNSLabel(text) else { return nil }
    description = text
  }

  private init(unchecked text: String) { description = text }

  package static let `default` = TenantName(unchecked: "default")
}

/// Names one installation of Lobstack on a machine. Every kernel object of the installation carries it.
package struct InstanceName: ParsedText {
  package let description: String
  package static let rule = "an instance name: 1 to 16 of a-z, 0-9 and '-', not beginning or ending with '-'"

  package init?(_ text: String) {
    guard isDNSLabel(text, longest: 16) else { return nil }
    description = text
  }

  private init(unchecked text: String) { description = text }

  package static let `default` = InstanceName(unchecked: "default")
}

/// An agent's full name, written `tenant/name`.
package struct AgentID: ParsedText {
  package let tenant: TenantName
  package let name: AgentName
  package static let rule = "an agent id: 'tenant/name', both DNS labels"

  package init(tenant: TenantName, name: AgentName) {
    self.tenant = tenant
    self.name = name
  }

  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let tenant = TenantName(String(parts[0])), let name = AgentName(String(parts[1])) else {
      return nil
    }
    self.init(tenant: tenant, name: name)
  }

  package var description: String { "\(tenant)/\(name)" }
}

/// Identifies one life of an agent: an agent deleted and created again under its name has another uid.
///
/// Sixteen lower-case hexadecimal digits, so that it fits wherever the kernel limits a name.
package struct AgentUID: ParsedText {
  package let description: String
  package static let rule = "an agent uid: 16 of 0-9 and a-f"

  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count == 16 else { return nil }
    let isHexadecimal = bytes.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
    }
    guard isHexadecimal else { return nil }
    description = text
  }

  private init(unchecked text: String) { description = text }

  /// A uid that no other agent has: 64 random bits.
  package static func random() -> AgentUID {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return AgentUID(unchecked: String(repeating: "0", count: 16 - digits.count) + digits)
  }
}
