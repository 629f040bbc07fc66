import CertificateAuthority
import Foundation
import NIOSSL

/// A directory of a test's own.
struct TestDirectory {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "lobstack-kubeapi-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// - Returns: the file's path.
  func write(_ name: String, _ text: String, executable: Bool = false) throws -> String {
    let file = URL(filePath: path).appending(path: name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: file, atomically: true, encoding: .utf8)
    if executable { try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: file.path) }
    return file.path
  }

  func remove() {
    // What is left over is in the temporary directory; the test's verdict stands without it.
    try? FileManager.default.removeItem(atPath: path)
  }
}

enum TestCertificate {
  private static let made = try? StandaloneServer(
    names: [ServerName("127.0.0.1"), ServerName("kubernetes")].compactMap { $0 }, issuerName: "Test",
    life: .seconds(86_400), at: .now)

  /// Of a server at 127.0.0.1, also named `kubernetes`.
  static var server: StandaloneServer {
    get throws { if let made { made } else { throw CocoaError(.featureUnsupported) } }
  }

  /// Of that server.
  static var tls: NIOSSLContext {
    get throws {
      let server = try server
      return try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(server.chain.utf8)).map { .certificate($0) },
          privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(server.secretKeyPEM.utf8), format: .pem))))
    }
  }

  /// Who vouches for others.
  static var another: String {
    get throws {
      try StandaloneServer(names: [], issuerName: "Other", life: .seconds(86_400), at: .now).issuer
    }
  }

  static var pem: String { made?.issuer ?? "" }
}
