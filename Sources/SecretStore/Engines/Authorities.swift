import Faults
import FoundationEssentials
import NIOHTTP1

/// The PKI engine of one mount, as the root of a trust domain.
package struct Authorities: Sendable {
  let vault: Vault
  let mount: String

  package init(_ vault: Vault, mount: String = "pki") {
    self.vault = vault
    self.mount = mount
  }

  /// The root's certificate, PEM; `nil` before it is made.
  package func root() async throws -> String? {
    struct Content: Decodable, Sendable { var certificate: String }
    do {
      let content: Content = try await vault.content(.GET, "\(mount)/cert/ca")
      return content.certificate.isEmpty ? nil : content.certificate
    } catch let fault as Fault where [.notFound, .failed, .invalid].contains(fault.code) {
      // A mount without an issuer says that in one of these ways.
      return nil
    }
  }

  /// Makes the root: its key never leaves the secrets manager.
  ///
  /// - Parameter uri: the one subject alternative name, the trust domain's id.
  /// - Returns: its certificate, PEM.
  package func makeRoot(commonName: String, uri: String, life: Duration) async throws -> String {
    struct Content: Decodable, Sendable { var certificate: String }
    struct Body: Encodable, Sendable {
      var common_name: String
      var exclude_cn_from_sans = true
      var uri_sans: String
      var key_type = "ec"
      var key_bits = 256
      var ttl: String
      var max_path_length = 1
    }
    let content: Content = try await vault.content(
      .POST, "\(mount)/root/generate/internal",
      Body(common_name: commonName, uri_sans: uri, ttl: "\(life.components.seconds)s"))
    return content.certificate
  }

  /// Signs an intermediate authority of path length 0.
  ///
  /// - Parameter request: PKCS #10, DER.
  /// - Returns: its certificate, PEM.
  package func signIntermediate(_ request: [UInt8], commonName: String, uri: String, life: Duration) async throws
    -> String
  {
    struct Content: Decodable, Sendable { var certificate: String }
    struct Body: Encodable, Sendable {
      var csr: String
      var common_name: String
      var exclude_cn_from_sans = true
      var uri_sans: String
      var ttl: String
      var max_path_length = 0
    }
    let text = Data(request).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
    let content: Content = try await vault.content(
      .POST, "\(mount)/root/sign-intermediate",
      Body(
        csr: "-----BEGIN CERTIFICATE REQUEST-----\n\(text)\n-----END CERTIFICATE REQUEST-----\n",
        common_name: commonName, uri_sans: uri, ttl: "\(life.components.seconds)s"))
    return content.certificate
  }
}
