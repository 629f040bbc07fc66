import Faults
import HCL
import NIOHTTP1

extension ProvisioningRequest {
  /// Whom a JWT mount believes.
  ///
  /// - Parameter keys: public keys, PEM.
  package static func keys(_ keys: [String], ofMount mount: String) -> ProvisioningRequest {
    var data = HCLObject()
    _ = data.add(.list(keys.map { .string($0) }), for: "jwt_validation_pubkeys")
    _ = data.add(.list([.string("ES256")]), for: "jwt_supported_algs")
    return ProvisioningRequest(name: "logins/\(mount)-keys", path: "auth/\(mount)/config", data: data)
  }
}

extension Vault {
  /// Whom a JWT mount believes; nobody when there is no such mount.
  package func keys(ofMount mount: String) async throws -> [String] {
    struct Content: Decodable, Sendable { var jwt_validation_pubkeys: [String]? }
    do {
      let content: Content = try await content(.GET, "auth/\(mount)/config")
      return content.jwt_validation_pubkeys ?? []
    } catch let fault as Fault where [.invalid, .notFound].contains(fault.code) {
      return []
    }
  }
}
