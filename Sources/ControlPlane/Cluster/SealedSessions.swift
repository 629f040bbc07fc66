import Crypto
import Faults
import Foundation

/// Browsers that are logged in, without anything that is kept of them: the cookie holds the token, sealed by a key that
/// all replicas have (AES-256-GCM). It counts no longer than the token, nor than a session anywhere.
struct SealedSessions: Sendable {
  /// A browser keeps cookies of 4096 bytes with their attributes (RFC 6265 §6.1), and base64 takes a third.
  private static let longestToken = 2_800

  private struct Content: Codable {
    var token: String
    var csrf: String
    var begun: Date
  }

  private let key: SymmetricKey

  /// - Parameter secret: at least 32 bytes that nobody knows.
  /// - Throws: `Fault(.invalid)` for fewer.
  init(secret: [UInt8], source: String) throws {
    guard secret.count >= 32 else {
      throw Fault(
        .invalid, operation: "read \(source)", reason: "it has \(secret.count) bytes, fewer than 32",
        remedy: "fill it with 'openssl rand -base64 48'")
    }
    key = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: secret), info: Data("lobstack dashboard session".utf8), outputByteCount: 32)
  }

  func begin(token: String, at now: Date = .now) throws -> (session: Session, cookie: String) {
    guard token.utf8.count <= Self.longestToken else {
      throw Fault(
        .unsupported, operation: "log in to the dashboard",
        reason: "the token has \(token.utf8.count) bytes, and a cookie has room for \(Self.longestToken)",
        remedy: "log in with a token of 'kubectl create token'")
    }
    let content = Content(token: token, csrf: TokenSecret.randomText(), begun: now)
    guard let sealed = try AES.GCM.seal(try JSONEncoder().encode(content), using: key).combined else {
      throw Fault(
        .failed, operation: "log in to the dashboard", reason: "the session could not be sealed", remedy: "try again")
    }
    let cookie = base64URL(sealed)
    return (session(content, cookie), cookie)
  }

  /// - Returns: `nil` for what this key did not seal, and when its time is over.
  func open(_ cookie: String, at now: Date = .now) -> (session: Session, token: String)? {
    // Whatever is wrong with it, it is no session.
    guard cookie.utf8.count <= 8 << 10, let sealed = bytes(ofBase64URL: cookie),
      let box = try? AES.GCM.SealedBox(combined: sealed), let plain = try? AES.GCM.open(box, using: key),
      let content = try? JSONDecoder().decode(Content.self, from: plain)
    else { return nil }
    let session = session(content, cookie)
    guard session.begun <= now.addingTimeInterval(60), now < session.expires else { return nil }
    return (session, content.token)
  }

  private func session(_ content: Content, _ cookie: String) -> Session {
    Session(
      id: TokenSecret.hash(cookie), token: Session.Token(id: "", hash: []), csrfToken: content.csrf,
      begun: content.begun)
  }
}

private func base64URL(_ bytes: Data) -> String {
  bytes.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}

private func bytes(ofBase64URL text: String) -> Data? {
  let standard = text.replacing("-", with: "+").replacing("_", with: "/")
  return Data(base64Encoded: standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4))
}
