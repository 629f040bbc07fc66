import AgentModel
import Faults
import FoundationEssentials
import NIOHTTP1

/// The Transit engine: keys that never leave the secrets manager.
package struct Transit: Sendable {
  let vault: Vault
  let mount: String

  /// Most items of one request: beyond it OpenBao refuses the whole (`max_request_json_strings`).
  package static let longestBatch = 400

  package init(_ vault: Vault, mount: String = "transit") {
    self.vault = vault
    self.mount = mount
  }

  package enum KeyType: String, Sendable, Codable {
    case aes256GCM = "aes256-gcm96"
    case ed25519
  }

  package struct Key: Sendable, Decodable {
    package let type: String
    package let latestVersion: Int
    package let minimumVersion: Int
    /// Seconds; 0 for never.
    package let rotationPeriod: Int
    package let isDeletable: Bool
    package let isExportable: Bool
    /// Of a signing key: the raw public key of each version in base64.
    package let publicKeys: [String: String]

    private struct Version: Decodable { var public_key: String? }

    private enum CodingKeys: String, CodingKey {
      case type, keys, exportable
      case latest = "latest_version"
      case minimum = "min_decryption_version"
      case period = "auto_rotate_period"
      case deletable = "deletion_allowed"
    }

    package init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      type = try fields.decode(String.self, forKey: .type)
      latestVersion = try fields.decode(Int.self, forKey: .latest)
      minimumVersion = try fields.decode(Int.self, forKey: .minimum)
      rotationPeriod = try fields.decodeIfPresent(Int.self, forKey: .period) ?? 0
      isDeletable = try fields.decode(Bool.self, forKey: .deletable)
      isExportable = try fields.decodeIfPresent(Bool.self, forKey: .exportable) ?? false
      // A symmetric key's versions are times, a signing key's are objects.
      let versions = (try? fields.decode([String: Version].self, forKey: .keys)) ?? [:]
      publicKeys = versions.compactMapValues(\.public_key)
    }
  }

  /// Makes a key; done when it is there.
  package func createKey(_ name: String, type: KeyType, rotation: Duration? = nil) async throws {
    struct Body: Encodable, Sendable {
      var type: KeyType
      var auto_rotate_period: String?
    }
    try await vault.send(
      .POST, "\(mount)/keys/\(name)",
      Body(type: type, auto_rotate_period: rotation.map { "\($0.components.seconds)s" }))
  }

  /// `nil` when there is no such key.
  package func key(_ name: String) async throws -> Key? {
    do { return try await vault.content(.GET, "\(mount)/keys/\(name)") } catch let fault as Fault
      where fault.code == .notFound
    {
      return nil
    }
  }

  package func keys() async throws -> [String] { try await vault.list("\(mount)/keys") }

  /// Another version of the key, for what is encrypted from now on.
  package func rotate(_ name: String) async throws { try await vault.send(.POST, "\(mount)/keys/\(name)/rotate") }

  /// Destroys a key: what it encrypted is lost. Done when it is not there.
  package func destroyKey(_ name: String) async throws {
    guard try await key(name) != nil else { return }
    try await vault.send(.POST, "\(mount)/keys/\(name)/config", ["deletion_allowed": true])
    try await vault.send(.DELETE, "\(mount)/keys/\(name)")
  }

  /// Encrypts each value; the texts are `vault:v<version>:…`.
  package func encrypt(_ values: [SecretValue], key: String) async throws -> [String] {
    try await batches(of: values.map { ["plaintext": base64($0)] }, "encrypt", key: key) { (item: Ciphertext) in
      item.ciphertext
    }
  }

  /// Decrypts each text.
  ///
  /// - Throws: `Fault(.invalid)` when one of them was not encrypted by this key, or by a version that is withdrawn.
  package func decrypt(_ texts: [String], key: String) async throws -> [SecretValue] {
    struct Item: Decodable, Sendable { var plaintext: String? }
    return try await batches(of: texts.map { ["ciphertext": $0] }, "decrypt", key: key) { (item: Item) in
      item.plaintext.flatMap { Data(base64Encoded: $0) }.map(SecretValue.init)
    }
  }

  /// Encrypts each text by the key's newest version; what is in it stays with the secrets manager.
  package func rewrap(_ texts: [String], key: String) async throws -> [String] {
    try await batches(of: texts.map { ["ciphertext": $0] }, "rewrap", key: key) { (item: Ciphertext) in
      item.ciphertext
    }
  }

  /// A new random key of 256 bits, with its encryption to be stored.
  package func dataKey(_ key: String) async throws -> (secret: SecretValue, wrapped: String) {
    struct Content: Decodable, Sendable {
      var plaintext: String
      var ciphertext: String
    }
    let content: Content = try await vault.content(.POST, "\(mount)/datakey/plaintext/\(key)", ["bits": 256])
    guard let bytes = Data(base64Encoded: content.plaintext), bytes.count == 32 else {
      throw unexpected("make a data key of \(key)")
    }
    return (SecretValue(bytes), content.ciphertext)
  }

  /// Signs by a key of type `ed25519`.
  ///
  /// - Returns: the 64 bytes of the signature, and the key's version.
  package func sign(_ message: [UInt8], key: String) async throws -> (signature: [UInt8], version: Int) {
    struct Content: Decodable, Sendable { var signature: String }
    let content: Content = try await vault.content(
      .POST, "\(mount)/sign/\(key)", ["input": Data(message).base64EncodedString()])
    let parts = content.signature.split(separator: ":")
    guard parts.count == 3, let version = Int(parts[1].dropFirst()), let bytes = Data(base64Encoded: String(parts[2]))
    else { throw unexpected("sign by \(key)") }
    return (Array(bytes), version)
  }

  private struct Batch<Item: Decodable & Sendable>: Decodable, Sendable { var batch_results: [Item] }
  private struct Ciphertext: Decodable, Sendable { var ciphertext: String? }

  private func batches<Item: Decodable & Sendable, Value: Sendable>(
    of items: [[String: String]], _ verb: String, key: String, _ value: (Item) -> Value?
  ) async throws -> [Value] {
    var values: [Value] = []
    for start in stride(from: 0, to: items.count, by: Self.longestBatch) {
      let part = Array(items[start..<min(start + Self.longestBatch, items.count)])
      let content: Batch<Item> = try await vault.content(
        .POST, "\(mount)/\(verb)/\(key)", ["batch_input": part])
      let results = content.batch_results.compactMap(value)
      guard results.count == part.count else { throw unexpected("\(verb) by \(key)") }
      values += results
    }
    return values
  }

  private func base64(_ value: SecretValue) -> String { Data(value.bytes).base64EncodedString() }

  private func unexpected(_ operation: String) -> Fault {
    Fault(
      .failed, operation: operation, reason: "the secrets manager's answer is not as long as it should be",
      remedy: "check the version of the secrets manager")
  }
}
