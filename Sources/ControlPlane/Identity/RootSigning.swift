import AgentModel
import CertificateAuthority
import Faults
import FoundationEssentials
import SecretStore

/// Who stands above the control plane's intermediate: the root of the trust domain, which signs intermediates and
/// nothing else.
package protocol RootSigning: Sendable {
  /// The root's certificate.
  func anchor() async throws -> TrustAnchor
  /// - Parameter request: PKCS #10, DER; only its key counts.
  /// - Returns: the intermediate's certificate, DER.
  func signIntermediate(_ request: [UInt8], at time: Date) async throws -> [UInt8]
}

/// The root in the secrets manager's PKI engine, whose key never leaves it.
struct VaultRoot: RootSigning {
  let authorities: Authorities
  let domain: TrustDomain

  func anchor() async throws -> TrustAnchor {
    guard let pem = try await authorities.root() else {
      throw Fault(
        .unavailable, operation: "read the root of \(domain)", reason: "the secrets manager has none yet",
        remedy: "wait until 'lobstack up' has provisioned it")
    }
    return try TrustAnchor(pem: pem)
  }

  func signIntermediate(_ request: [UInt8], at time: Date) async throws -> [UInt8] {
    let pem = try await authorities.signIntermediate(
      request, commonName: "Lobstack intermediate", uri: TrustBundle.id(of: domain),
      life: RootAuthority.intermediateLife)
    return try CertificateText.der(pem)
  }
}
