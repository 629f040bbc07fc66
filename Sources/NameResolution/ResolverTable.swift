import AgentModel
import Faults
import FoundationEssentials

/// Who may resolve which names, and to what address.
///
/// The node writes it as a file, the sentinel reads that: JSON with no field unknown, none missing.
package struct ResolverTable: Hashable, Sendable, Codable {
  /// Names one state of the table, so that the node can ask which one is in force.
  package struct Version: ParsedText {
    package let description: String
    package static let rule = "a version: 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', not \"none\""

    package init?(_ text: String) {
      guard (1...64).contains(text.utf8.count), text != Self.none.description, text.utf8.allSatisfy(Self.isAllowed)
      else { return nil }
      description = text
    }

    private init(unchecked text: String) { description = text }

    /// Of the table before any was read.
    package static let none = Version(unchecked: "none")

    private static func isAllowed(_ byte: UInt8) -> Bool {
      isHostnameByte(byte) || (0x41...0x5a).contains(byte) || byte == UInt8(ascii: ".")
    }
  }

  package struct Agent: Hashable, Sendable, Codable {
    package var address: IPv4Address
    package var hosts: [HostPattern]
    package var names: [InternalName]

    package init(address: IPv4Address, hosts: [HostPattern], names: [InternalName]) {
      self.address = address
      self.hosts = hosts
      self.names = names
    }

    /// - Parameter egress: what is open for the agent now.
    package init(address: IPv4Address, egress: [EgressAllowance]) {
      self.init(address: address, hosts: egress.openHosts, names: egress.internalNames)
    }
  }

  package var version: Version
  /// What every allowed name resolves to: where the proxy listens.
  package var address: IPv4Address
  package var agents: [Agent]

  package init(version: Version, address: IPv4Address, agents: [Agent]) {
    self.version = version
    self.address = address
    self.agents = agents
  }

  /// Knows nobody, so refuses all.
  package static let none = ResolverTable(version: .none, address: IPv4Address(bits: 0), agents: [])
}

extension ResolverTable {
  /// Of the file, in bytes: some 16,000 agents with 40 hosts each.
  package static let longestText = 32 << 20

  package func text() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self))
  }

  /// - Throws: `Fault(.invalid)` with the place for whatever is not exactly such a table.
  package init(text: [UInt8]) throws {
    let operation = "read the table of the agents' names"
    func fault(_ reason: String) -> Fault {
      Fault(
        .invalid, operation: operation, reason: reason,
        remedy: "start the node of the same version as the sentinel, which writes the table anew")
    }
    guard text.count <= Self.longestText else {
      throw fault("it has \(text.count) bytes, the limit is \(Self.longestText)")
    }
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(text))
    } catch let error as DecodingError {
      throw fault(error.place)
    }
    var addresses: Set<IPv4Address> = []
    for agent in agents where !addresses.insert(agent.address).inserted {
      throw fault("agent \(agent.address) is there twice")
    }
    guard !addresses.contains(address) else { throw fault("agent \(address) has the address that names resolve to") }
  }

  private enum CodingKeys: String, CodingKey, CaseIterable { case version, address, agents }

  package init(from decoder: any Decoder) throws {
    try decoder.requireOnly(CodingKeys.allCases)
    let container = try decoder.container(keyedBy: CodingKeys.self)
    version = try container.decode(Version.self, forKey: .version)
    address = try container.decode(IPv4Address.self, forKey: .address)
    agents = try container.decode([Agent].self, forKey: .agents)
  }
}

extension ResolverTable.Agent {
  private enum CodingKeys: String, CodingKey, CaseIterable { case address, hosts, names }

  package init(from decoder: any Decoder) throws {
    try decoder.requireOnly(CodingKeys.allCases)
    let container = try decoder.container(keyedBy: CodingKeys.self)
    address = try container.decode(IPv4Address.self, forKey: .address)
    hosts = try container.decode([HostPattern].self, forKey: .hosts)
    names = try container.decode([InternalName].self, forKey: .names)
  }
}

private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension Decoder {
  fileprivate func requireOnly(_ keys: [some CodingKey]) throws {
    let known = Set(keys.map(\.stringValue))
    for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(codingPath: codingPath + [key], debugDescription: "the field is unknown"))
    }
  }
}

extension DecodingError {
  /// The path of the field, then what is wrong with it.
  fileprivate var place: String {
    let context: Context? =
      switch self {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): context
      case .keyNotFound(let key, let context):
        Context(codingPath: context.codingPath + [key], debugDescription: "the field is missing")
      @unknown default: nil
      }
    guard let context else { return "\(self)" }
    let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
    return "\(path.isEmpty ? "the text" : path): \(context.debugDescription)"
  }
}
