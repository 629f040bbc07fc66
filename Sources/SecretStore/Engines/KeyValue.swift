import AgentModel
import Faults
import FoundationEssentials
import NIOHTTP1

/// A version of a secret of the KV engine, version 2.
package struct KeyValueSecret: Sendable {
  package let value: SecretValue
  package let version: Int
}

/// What the KV engine tells of a secret without its value.
package struct KeyValueMetadata: Hashable, Sendable, Decodable {
  package let currentVersion: Int
  /// RFC 3339.
  package let updatedTime: String
  /// Of the current version; empty while it is not deleted.
  package let deletedTime: String

  private struct Version: Decodable {
    var deletion_time: String
    var destroyed: Bool
  }

  private enum CodingKeys: String, CodingKey {
    case currentVersion = "current_version"
    case updatedTime = "updated_time"
    case versions
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    currentVersion = try fields.decode(Int.self, forKey: .currentVersion)
    let updated = try fields.decode(String.self, forKey: .updatedTime)
    updatedTime = updated
    // A version that is not there any more was destroyed.
    let version = try fields.decode([String: Version].self, forKey: .versions)["\(currentVersion)"]
    deletedTime = version.map { $0.destroyed && $0.deletion_time.isEmpty ? updated : $0.deletion_time } ?? updated
  }
}

/// The KV engine, version 2, of one mount: secrets of one value each.
///
/// The value is the field `value`, or `base64` when it is no text.
package struct KeyValue: Sendable {
  let vault: Vault
  let mount: String

  package init(_ vault: Vault, mount: String = "secret") {
    self.vault = vault
    self.mount = mount
  }

  private struct Fields: Codable, Sendable {
    var value: String?
    var base64: String?

    init(_ value: SecretValue) {
      if let text = String(validating: value.bytes, as: UTF8.self) {
        self.value = text
      } else {
        base64 = Data(value.bytes).base64EncodedString()
      }
    }

    var secret: SecretValue? {
      if let value { return SecretValue(value.utf8) }
      return base64.flatMap { Data(base64Encoded: $0) }.map(SecretValue.init)
    }
  }

  /// The newest version, or the one that is asked for; `nil` when there is none, or when it was deleted.
  ///
  /// - Throws: `Fault(.denied)` when the token may not read it; `Fault(.invalid)` for one that another program stored
  ///   under other fields.
  package func read(_ path: String, version: Int? = nil) async throws -> KeyValueSecret? {
    struct Content: Decodable, Sendable {
      struct Metadata: Decodable, Sendable { var version: Int }
      var data: Fields
      var metadata: Metadata
    }
    let operation = "read secret \(path)"
    do {
      let content: Content = try await vault.content(
        .GET, "\(mount)/data/\(path)", query: version.map { "version=\($0)" } ?? "", operation: operation)
      guard let value = content.data.secret else {
        throw Fault(
          .invalid, operation: operation, reason: "it has neither a field 'value' nor 'base64'",
          remedy: "set it with 'lobstack secret set', or store the value in the field 'value'")
      }
      return KeyValueSecret(value: value, version: content.metadata.version)
    } catch let fault as Fault where fault.code == .notFound {
      return nil
    }
  }

  /// Stores another version.
  ///
  /// - Parameter current: the version that must be the newest, 0 for none (check-and-set); `nil` for whatever is.
  /// - Returns: the version.
  /// - Throws: `Fault(.conflict)` when another version is the newest.
  @discardableResult
  package func write(_ path: String, _ value: SecretValue, ifCurrent current: Int? = nil) async throws -> Int {
    struct Body: Encodable, Sendable {
      struct Options: Encodable, Sendable { var cas: Int }
      var data: Fields
      var options: Options?
    }
    struct Content: Decodable, Sendable { var version: Int }
    let content: Content = try await vault.content(
      .POST, "\(mount)/data/\(path)", Body(data: Fields(value), options: current.map(Body.Options.init)),
      operation: "set secret \(path)")
    return content.version
  }

  /// Deletes the newest version, which `restore` brings back.
  package func delete(_ path: String) async throws {
    try await vault.send(.DELETE, "\(mount)/data/\(path)", operation: "delete secret \(path)")
  }

  package func restore(_ path: String, versions: [Int]) async throws {
    try await vault.send(
      .POST, "\(mount)/undelete/\(path)", ["versions": versions], operation: "restore secret \(path)")
  }

  /// Removes every version and what is known of them: nothing brings them back.
  package func destroy(_ path: String) async throws {
    try await vault.send(.DELETE, "\(mount)/metadata/\(path)", operation: "destroy secret \(path)")
  }

  /// `nil` when there is no such secret.
  package func metadata(_ path: String) async throws -> KeyValueMetadata? {
    do {
      return try await vault.content(.GET, "\(mount)/metadata/\(path)", operation: "look up secret \(path)")
    } catch let fault as Fault where fault.code == .notFound {
      return nil
    }
  }

  /// Names below a path; those that end in a slash have names below them.
  package func list(_ path: String) async throws -> [String] {
    try await vault.list("\(mount)/metadata/\(path)", operation: "list the secrets of \(path)")
  }
}
