import AgentModel

/// Who wrote an event, as the Open Cybersecurity Schema Framework has it (schema.ocsf.io/1.3.0/objects/product).
package struct OCSFProduct: Encodable, Sendable {
  /// Of the schema that our events follow.
  package static let schemaVersion = "1.3.0"

  package var name = "Lobstack"
  package var vendorName = "Lobstack"
  package var version: String

  package init(version: String = LobstackVersion.current) { self.version = version }

  enum CodingKeys: String, CodingKey {
    case name, version
    case vendorName = "vendor_name"
  }
}
