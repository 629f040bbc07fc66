/// Where a secret stands: with one agent, or with all agents of a tenant.
package struct SecretReference: Hashable, Sendable, Codable, CustomStringConvertible {
  package var tenant: TenantName
  /// `nil` for a secret of the whole tenant.
  package var agent: AgentName?
  package var name: SecretName

  package init(tenant: TenantName, agent: AgentName?, name: SecretName) {
    self.tenant = tenant
    self.agent = agent
    self.name = name
  }

  package var description: String {
    agent.map { "\(tenant)/\($0)/\(name)" } ?? "\(tenant)/*/\(name)"
  }
}

/// The value of a secret. It crosses from process to process, and prints as nothing.
package struct SecretValue: Hashable, Sendable, Codable, CustomStringConvertible, CustomReflectable {
  /// Longest value, in bytes.
  package static let longest = 64 << 10
  /// Longest one that a header can carry.
  package static let longestHeader = 8 << 10

  package let bytes: [UInt8]

  package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  package init(from decoder: any Decoder) throws {
    bytes = try decoder.singleValueContainer().decode([UInt8].self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(bytes)
  }

  /// The value as a header carries it; `nil` when it is empty or has a byte that no header may have (RFC 9110 §5.5).
  package var headerText: String? {
    guard bytes.count <= Self.longestHeader, longestRepetition <= Self.mostRepetition else { return nil }
    guard !bytes.isEmpty, bytes.allSatisfy({ (0x20..<0x7f).contains($0) }), bytes.first != 0x20, bytes.last != 0x20
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Longest beginning of the value that is also the end of another beginning of it, as in "abcab".
  ///
  /// A search for a value that repeats itself can cost its length at every byte of a text that was made for it, and the
  /// proxy searches every answer.
  package var longestRepetition: Int {
    var borders = [Int](repeating: 0, count: bytes.count)
    var length = 0
    for place in bytes.indices.dropFirst() {
      while length > 0, bytes[place] != bytes[length] { length = borders[length - 1] }
      if bytes[place] == bytes[length] { length += 1 }
      borders[place] = length
    }
    return borders.max() ?? 0
  }

  /// Most that a value may repeat itself to be a credential: random ones do not come near it.
  package static let mostRepetition = 32

  package var description: String { "[secret]" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
