import AgentModel
import Crypto
import Faults
import FoundationEssentials

/// The key of the database's sensitive columns: what agents are made from, and what API tokens are known by. Its owner
/// keeps it wrapped, elsewhere.
package struct StoreKey: Sendable, CustomStringConvertible, CustomReflectable {
  private let sealing: SymmetricKey
  private let digesting: SymmetricKey

  /// - Parameter secret: 32 random bytes, of which a key for each use is derived (RFC 5869).
  package init(_ secret: SecretValue) {
    let root = SymmetricKey(data: secret.bytes)
    func key(_ use: String) -> SymmetricKey {
      HKDF<SHA256>.deriveKey(inputKeyMaterial: root, info: Data("lobstack store \(use)".utf8), outputByteCount: 32)
    }
    sealing = key("columns")
    digesting = key("tokens")
  }

  /// Seals by AES-256-GCM, bound to its place: moved to another row or column, it does not open.
  func seal(_ text: String, for place: String) throws -> Data {
    let box = try AES.GCM.seal(Data(text.utf8), using: sealing, authenticating: Data(place.utf8))
    guard let combined = box.combined else {
      throw Fault(.failed, operation: "seal \(place)", reason: "it cannot be sealed", remedy: "report this as a bug")
    }
    return combined
  }

  /// - Throws: `Fault(.invalid)` for what was not sealed by this key for this place.
  func open(_ data: Data, for place: String) throws -> String {
    do {
      let box = try AES.GCM.SealedBox(combined: data)
      return String(decoding: try AES.GCM.open(box, using: sealing, authenticating: Data(place.utf8)), as: UTF8.self)
    } catch {
      throw Fault(
        .invalid, operation: "open \(place)", reason: "it was not sealed by this store's key",
        remedy: "restore database, store.key and secrets manager from the same time")
    }
  }

  /// What a token is found by: worth nothing to whoever has the database without the key.
  func digest(_ hash: some DataProtocol) -> Data {
    Data(HMAC<SHA256>.authenticationCode(for: hash, using: digesting))
  }

  package var description: String { "[store key]" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
