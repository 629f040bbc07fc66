import AgentModel
import CertificateAuthority
import Crypto
import Foundation
import NodeProtocol
import Proxy

/// The keys that the node made for its agents and its proxy, with the certificates that it got for them.
///
/// A key is made here and handed to the proxy; the control plane sees its public half only. The certificate in force
/// stays until the next one is there.
struct IdentityKeys: Codable, Sendable {
  private struct Held: Codable, Sendable {
    var privateKey: String
    var certificate: SignedCertificate
    var issuedAt: Date
    var renewAt: Date
  }

  private struct Pending: Codable, Sendable {
    var privateKey: String
    var request: CertificateRequest
  }

  /// The roots, PEM, as the control plane told them last: a node that starts anew closes nothing until it hears again.
  var trustBundle: String?
  private var held: [SPIFFEID: Held] = [:]
  private var pending: [SPIFFEID: Pending] = [:]

  /// What to ask the control plane for, in a fixed order.
  var requests: [CertificateRequest] { pending.values.map(\.request).sorted { $0.id < $1.id } }

  /// Makes a key for each of `wanted` that has no certificate or one that is due, and forgets all others.
  ///
  /// - Returns: whether the requests changed.
  mutating func keep(_ wanted: Set<SPIFFEID>, at now: Date) -> Bool {
    let before = requests
    held = held.filter { wanted.contains($0.key) && $0.value.certificate.notAfter > now }
    pending = pending.filter { wanted.contains($0.key) }
    for id in wanted where pending[id] == nil {
      // A clock that was set back makes a certificate of the future, which is worth nothing yet.
      if let certificate = held[id], certificate.renewAt > now, certificate.issuedAt <= now { continue }
      let key = P256.Signing.PrivateKey()
      pending[id] = Pending(
        privateKey: key.pemRepresentation,
        request: CertificateRequest(id: id, publicKey: Array(key.publicKey.derRepresentation)))
    }
    return requests != before
  }

  /// Takes what answers a request.
  ///
  /// - Returns: whether a certificate was new.
  mutating func accept(_ certificates: [SignedCertificate], at now: Date) -> Bool {
    var isNew = false
    for certificate in certificates {
      let id = certificate.request.id
      guard let key = pending[id], key.request == certificate.request, certificate.notAfter > now else { continue }
      held[id] = Held(
        privateKey: key.privateKey, certificate: certificate, issuedAt: now,
        renewAt: RenewalPolicy.halfLife.renewal(
          of: Validity(issued: now, notBefore: now, notAfter: certificate.notAfter)))
      pending[id] = nil
      isNew = true
    }
    return isNew
  }

  /// The certificate in force with its key; `nil` while there is none.
  func certificate(of id: SPIFFEID) -> WorkloadCertificate? {
    held[id].map { WorkloadCertificate(chain: $0.certificate.chain, privateKey: $0.privateKey) }
  }

  func signed(_ id: SPIFFEID) -> SignedCertificate? { held[id]?.certificate }
}
