import AgentModel
import CertificateAuthority
import Faults

/// What the gateway is reached by, and who certifies that.
package struct GatewaySettings: Hashable, Sendable {
  /// DNS names and addresses of its certificate; the first is the one that others are told.
  let names: [ServerName]
  let port: UInt16
  /// The public authority that certifies it; `nil`: the built-in one.
  let external: PublicCertificateSettings?

  /// - Throws: `Fault(.invalid)` naming the text that is neither a DNS name nor an address.
  package init(names texts: [String], port: UInt16, external: PublicCertificateSettings? = nil) throws {
    names = try texts.map { text in
      guard let name = ServerName(text) else {
        throw Fault(
          .invalid, operation: "make the gateway's certificate", reason: "'\(text.prefix(80))' is no name or address",
          remedy: "give --gateway-name DNS names and addresses")
      }
      return name
    }
    self.port = port
    self.external = external
  }

  /// Where the built-in authority's revocation list is.
  var revocations: String? {
    guard let name = names.first.map(\.description) else { return nil }
    let host = name.contains(":") ? "[\(name)]" : name
    return "https://\(host)\(port == 443 ? "" : ":\(port)")\(RouteTable.revocationList)"
  }
}
