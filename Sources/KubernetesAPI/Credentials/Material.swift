import Faults
import NIOSSL

/// Bytes that are nobody else's business: they print as nothing.
package struct SecretBytes: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// The bytes themselves, secret.
  package let secret: [UInt8]

  package init(_ secret: [UInt8]) { self.secret = secret }

  package var description: String { "[\(secret.count) bytes]" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A certificate, a key or a token, where it stands.
package enum Material: Hashable, Sendable {
  case inline(SecretBytes)
  /// Absolute path of a file that another program may write anew.
  case file(String)

  func read(_ operation: String) throws -> [UInt8] {
    switch self {
    case .inline(let bytes): bytes.secret
    case .file(let path): try readFile(path, operation: operation)
    }
  }

  var isFile: Bool {
    if case .file = self { return true }
    return false
  }

  private var label: String {
    switch self {
    case .inline: "the certificate"
    case .file(let path): path
    }
  }

  /// - Parameter place: what names it, for errors.
  /// - Throws: `Fault(.invalid)` when it is no certificate in PEM, `Fault(.notFound)` when its file cannot be read.
  @discardableResult
  func checkCertificates(at place: String) throws -> [NIOSSLCertificate] {
    let bytes = try read("read \(place)")
    do {
      let certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
      if !certificates.isEmpty { return certificates }
    } catch {
      // What the parser says is a number of OpenSSL's; that it is none is all there is to tell.
    }
    throw Fault(
      .invalid, operation: "read \(place)", reason: "\(label) is no certificate in PEM", remedy: "correct it")
  }

  func privateKey(at place: String) throws -> NIOSSLPrivateKey {
    let bytes = try read("read \(place)")
    guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
      // What the parser says may quote the key.
      throw Fault(
        .invalid, operation: "read \(place)", reason: "the client's key is no private key in PEM without a passphrase",
        remedy: "correct it")
    }
    return key
  }
}
