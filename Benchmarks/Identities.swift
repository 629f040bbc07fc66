import AgentModel
import CertificateAuthority
import Foundation
import Proxy

/// A certificate authority of a benchmark's own, with its root.
struct Identities: Sendable {
  let authority: Authority
  let root: RootAuthority

  /// - Parameter directory: for the root's files; exists, and holds none yet.
  init(in directory: String) throws {
    let now = Date()
    root = try RootAuthority.open(in: directory, for: .default, at: now)
    authority = Authority(trustDomain: .default, at: now)
    try authority.trust(root.anchor, at: now)
    let pending = PendingIntermediate()
    let certificate = try root.signIntermediate(try pending.certificateRequest(), at: now)
    try authority.adopt(pending, certificate: certificate, at: now)
  }

  var roots: String { root.anchor.pem }

  /// A fresh key, certified.
  func certificate(of id: SPIFFEID) throws -> WorkloadCertificate {
    let key = IdentityKey()
    let svid = try authority.issueX509SVID(for: id, key: key.publicKey, at: Date())
    return WorkloadCertificate(chain: svid.certificate.chain.pem, privateKey: key.secretPEM)
  }

  func certificate(of service: SPIFFEID.Service) throws -> WorkloadCertificate {
    try certificate(of: .service(service, in: .default))
  }

  func certificate(of agent: AgentID) throws -> WorkloadCertificate {
    try certificate(of: .agent(agent, in: .default))
  }

  /// A fresh key of a server, certified.
  func certificate(for names: [String]) throws -> WorkloadCertificate {
    let (chain, key) = try serverPEM(for: names)
    return WorkloadCertificate(chain: chain, privateKey: key)
  }

  func serverPEM(for names: [String]) throws -> (chain: String, key: String) {
    let key = IdentityKey()
    let issued = try authority.issueServerCertificate(
      for: try names.map { try parsed(ServerName($0)) }, key: key.publicKey, at: Date())
    return (issued.chain.pem, key.secretPEM)
  }
}
