import FoundationEssentials

/// A state of the store (`X-Vault-Index`): whoever sends it with a read gets nothing older, whichever node answers.
package struct VaultIndex: Hashable, Sendable, Codable {
  static let header = "X-Vault-Index"

  let text: String

  init(_ text: String) { self.text = text }

  private struct Content: Decodable {
    var cluster: String?
    var value: UInt64
  }

  /// Whether the other is of the same cluster, and newer. Answers come in any order.
  func isOlder(than other: VaultIndex?) -> Bool {
    guard let mine = content, let other = other?.content, mine.cluster == other.cluster else { return false }
    return mine.value < other.value
  }

  /// What OpenBao writes; HashiCorp Vault's is not told.
  private var content: Content? {
    Data(base64Encoded: text).flatMap { try? JSONDecoder().decode(Content.self, from: $0) }
  }
}
