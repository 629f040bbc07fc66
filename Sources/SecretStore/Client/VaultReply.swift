import FoundationEssentials

/// The envelope of every answer of Vault's API.
struct VaultReply<Content: Decodable & Sendable>: Decodable, Sendable {
  var data: Content?
  var auth: Auth?
  var wrapping: Wrapping?
  var warnings: [String]?

  struct Auth: Decodable, Sendable {
    var clientToken: String
    var accessor: String?
    var entityID: String?
    var policies: [String]?
    var lease: Int?
    var isRenewable: Bool?

    private enum CodingKeys: String, CodingKey {
      case clientToken = "client_token"
      case accessor, policies
      case entityID = "entity_id"
      case lease = "lease_duration"
      case isRenewable = "renewable"
    }

    var login: VaultLogin {
      VaultLogin(
        token: VaultToken(clientToken), accessor: accessor ?? "", entityID: entityID ?? "", policies: policies ?? [],
        lease: lease ?? 0, isRenewable: isRenewable ?? false)
    }
  }

  struct Wrapping: Decodable, Sendable {
    var token: String
    var creationPath: String?

    private enum CodingKeys: String, CodingKey {
      case token
      case creationPath = "creation_path"
    }
  }

  private enum CodingKeys: String, CodingKey {
    case data, auth, warnings
    case wrapping = "wrap_info"
  }
}

/// An answer of which only its success counts.
struct NoContent: Decodable, Sendable {}
