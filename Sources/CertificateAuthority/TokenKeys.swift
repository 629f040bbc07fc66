import Crypto
import Faults
import FoundationEssentials

/// The keys that sign JWT-SVIDs: one signs, one is announced before it signs, old ones stay until their tokens ended.
struct TokenKeys: Sendable, CustomStringConvertible, CustomReflectable {
  private(set) var present: TokenKey
  private var next: TokenKey
  private var former: [(key: TokenKey, replaced: Date)] = []
  private var changed: Date
  /// Longer than any token lives, with room for clocks that differ.
  private static let overlap: TimeInterval = 120

  init(at time: Date) {
    present = TokenKey()
    next = TokenKey()
    // The first change needs no wait: every bundle so far holds both keys.
    changed = time - Self.overlap
  }

  mutating func rotate(at time: Date) throws {
    guard time >= changed + Self.overlap else {
      throw Fault(
        .conflict, operation: "change the key of tokens", reason: "it was changed at \(changed.ISO8601Format())",
        remedy: "wait \(Int(Self.overlap)) seconds between two changes")
    }
    former.removeAll { time >= $0.replaced + Self.overlap }
    former.append((present, time))
    present = next
    next = TokenKey()
    changed = time
  }

  /// All of them: a verifier that has any bundle since the last change knows the key that signs.
  var published: [TokenKey.Public] { [present.publicKey, next.publicKey] + former.map(\.key.publicKey) }

  var description: String { "token key \(present.publicKey.id)" }
  var customMirror: Mirror { Mirror(self, children: ["present": present.publicKey.id]) }
}

/// One key of tokens, P-256.
struct TokenKey: Sendable, CustomStringConvertible, CustomReflectable {
  private let key: P256.Signing.PrivateKey
  let publicKey: Public

  init(_ key: P256.Signing.PrivateKey = P256.Signing.PrivateKey()) {
    self.key = key
    publicKey = Public(key: key.publicKey)
  }

  /// PKCS #8, secret.
  var secretPEM: String { key.pemRepresentation + "\n" }

  /// What a verifier needs of it.
  package struct Public: Sendable, Hashable, CustomStringConvertible {
    let key: P256.Signing.PublicKey
    /// The key's thumbprint (RFC 7638), which `kid` carries.
    let id: String

    /// SubjectPublicKeyInfo, PEM.
    package var pem: String { key.pemRepresentation + "\n" }

    init(key: P256.Signing.PublicKey) {
      self.key = key
      let (x, y) = key.coordinates
      id = Base64URL.encode(SHA256.hash(data: Array(#"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#.utf8)))
    }

    static func == (left: Public, right: Public) -> Bool { left.id == right.id }
    func hash(into hasher: inout Hasher) { hasher.combine(id) }
    var description: String { "token key \(id)" }
  }

  /// The signature of ES256 (RFC 7518 §3.4), 64 bytes.
  func signature(of bytes: some DataProtocol) throws -> Data { try key.signature(for: bytes).rawRepresentation }

  var description: String { "\(publicKey)" }
  var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey.id]) }
}

extension P256.Signing.PublicKey {
  /// The affine coordinates in base64url, as a JSON Web Key has them (RFC 7518 §6.2.1).
  var coordinates: (x: String, y: String) {
    let raw = rawRepresentation
    return (Base64URL.encode(raw.prefix(32)), Base64URL.encode(raw.suffix(32)))
  }
}

/// Base64 for URLs without padding (RFC 4648 §5), each value with one spelling only.
enum Base64URL {
  static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text = Data(bytes).base64EncodedString()
    text.removeAll { $0 == "=" }
    return String(decoding: text.utf8.map { $0 == 0x2B ? 0x2D : $0 == 0x2F ? 0x5F : $0 }, as: UTF8.self)
  }

  static func decode(_ text: Substring) -> [UInt8]? {
    guard !text.utf8.contains(where: { $0 == 0x2B || $0 == 0x2F || $0 == 0x3D }) else { return nil }
    var standard = text.utf8.map { $0 == 0x2D ? 0x2B : $0 == 0x5F ? 0x2F : $0 }
    standard += [UInt8](repeating: 0x3D, count: (4 - standard.count % 4) % 4)
    guard let data = Data(base64Encoded: Data(standard)) else { return nil }
    let bytes = Array(data)
    return encode(bytes) == text ? bytes : nil
  }
}
