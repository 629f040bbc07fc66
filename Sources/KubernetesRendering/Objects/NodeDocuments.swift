/// `apiserver.config.k8s.io/v1` EncryptionConfiguration: what the API server encrypts before it stores it.
struct EncryptionConfiguration: Encodable, Sendable {
  let apiVersion = "apiserver.config.k8s.io/v1"
  let kind = "EncryptionConfiguration"
  var resources: [Rule]

  struct Rule: Encodable, Sendable {
    var resources: [String]
    /// The first one encrypts; all of them are tried to decrypt.
    var providers: [Provider]
  }

  /// Exactly one is set.
  struct Provider: Encodable, Sendable {
    var aescbc: Keys?
    var identity: Identity?
  }

  struct Identity: Encodable, Sendable {}

  struct Keys: Encodable, Sendable {
    var keys: [Key]
  }

  struct Key: Encodable, Sendable {
    var name: String
    /// 32 bytes in base64.
    var secret: String
  }
}

/// `audit.k8s.io/v1` Policy: what the API server writes down of each request; the first rule that matches decides.
struct AuditPolicy: Encodable, Sendable {
  let apiVersion = "audit.k8s.io/v1"
  let kind = "Policy"
  var omitStages = ["RequestReceived"]
  var omitManagedFields = true
  var rules: [Rule]

  struct Rule: Encodable, Sendable {
    var level: Level
    var users: [String]?
    var userGroups: [String]?
    var verbs: [String]?
    var resources: [Resources]?
    var nonResourceURLs: [String]?
  }

  enum Level: String, Encodable, Sendable {
    case none = "None"
    /// Who did what to which object, and how it ended.
    case metadata = "Metadata"
    case requestResponse = "RequestResponse"
  }

  struct Resources: Encodable, Sendable {
    /// Of the API; empty for the core.
    var group: String
    /// All of the group when `nil`.
    var resources: [String]?
  }
}
