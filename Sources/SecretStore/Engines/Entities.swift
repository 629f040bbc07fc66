import Faults
import NIOHTTP1

/// The identity engine: who the bearers of tokens are, which templated policies ask.
package struct Entities: Sendable {
  let vault: Vault

  package init(_ vault: Vault) { self.vault = vault }

  package struct Entity: Sendable, Hashable, Decodable {
    package struct Alias: Sendable, Hashable, Decodable {
      package let name: String
      package let accessor: String

      private enum CodingKeys: String, CodingKey {
        case name
        case accessor = "mount_accessor"
      }
    }

    package let id: String
    package let name: String
    package let isDisabled: Bool
    package let metadata: [String: String]
    package let aliases: [Alias]

    private enum CodingKeys: String, CodingKey {
      case id, name, metadata, aliases
      case isDisabled = "disabled"
    }

    package init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      id = try fields.decode(String.self, forKey: .id)
      name = try fields.decode(String.self, forKey: .name)
      isDisabled = try fields.decode(Bool.self, forKey: .isDisabled)
      metadata = try fields.decodeIfPresent([String: String].self, forKey: .metadata) ?? [:]
      aliases = try fields.decodeIfPresent([Alias].self, forKey: .aliases) ?? []
    }
  }

  /// `nil` when there is no such entity.
  package func entity(_ name: String) async throws -> Entity? {
    do { return try await vault.content(.GET, "identity/entity/name/\(name)") } catch let fault as Fault
      where fault.code == .notFound
    {
      return nil
    }
  }

  package func names() async throws -> [String] { try await vault.list("identity/entity/name") }

  /// Makes the entity, or changes it. A disabled one's tokens are worth nothing, and it cannot log in.
  ///
  /// - Returns: the id of a new one; `nil` when it was there.
  @discardableResult
  package func set(_ name: String, metadata: [String: String], isDisabled: Bool) async throws -> String? {
    struct Body: Encodable, Sendable {
      var metadata: [String: String]
      var disabled: Bool
    }
    struct Made: Decodable, Sendable { var id: String }
    let reply: VaultReply<Made> = try await vault.call(
      .POST, "identity/entity/name/\(name)", Body(metadata: metadata, disabled: isDisabled))
    return reply.data?.id
  }

  /// Says that whoever logs in as `alias` at the mount is the entity; done again, it changes nothing.
  package func setAlias(_ alias: String, of entity: String, accessor: String) async throws {
    try await vault.send(
      .POST, "identity/entity-alias", ["name": alias, "canonical_id": entity, "mount_accessor": accessor])
  }

  /// Deletes the entity with its aliases; its tokens are worth nothing from then on. Done when it is not there.
  package func delete(_ name: String) async throws {
    try await vault.send(.DELETE, "identity/entity/name/\(name)")
  }
}
