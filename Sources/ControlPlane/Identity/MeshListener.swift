import AgentModel
import CertificateAuthority
import Faults
import FoundationEssentials
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL

/// TLS of the API's listener for other processes: 1.3 only, both ends with an X.509-SVID.
struct MeshListener: Sendable {
  let identity: IdentityAuthority
  let logger: Logger

  /// The configuration of every connection; certificate and trust are those of the moment of its handshake.
  func configuration() throws -> TLSChannelConfiguration {
    let present = try identity.identity(of: .controlPlane)
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: try chain(present).map { .certificate($0) }, privateKey: .privateKey(try key(present)))
    tls.minimumTLSVersion = .tlsv13
    tls.maximumTLSVersion = .tlsv13
    // The callback below verifies; without this no certificate would be asked for.
    tls.certificateVerification = .noHostnameVerification
    tls.applicationProtocols = ["http/1.1"]
    tls.sslContextCallback = { [self] _, promise in
      promise.completeWith(Result { try override() })
    }
    return TLSChannelConfiguration(tlsConfiguration: tls) { [self] certificates in try await verify(certificates) }
  }

  private func override() throws -> NIOSSLContextConfigurationOverride {
    let present = try identity.identity(of: .controlPlane)
    var override = NIOSSLContextConfigurationOverride()
    override.certificateChain = try chain(present).map { .certificate($0) }
    override.privateKey = .privateKey(try key(present))
    return override
  }

  private func verify(_ certificates: [NIOSSLCertificate]) async throws -> NIOSSLVerificationResult {
    let chain = try certificates.map { try $0.toDERBytes() }
    switch await PeerVerifier(identity.authority.bundle).verify(chain: chain, at: .now) {
    case .accepted: return .certificateVerified
    case .refused(let refusal):
      logger.warning("A peer is refused", metadata: ["reason": "\(refusal)"])
      return .failed
    }
  }

  /// Who is at the other end; asked for each request, because a certificate can end during a connection.
  func peer(of channel: any Channel) async -> Peer {
    do {
      guard let certificate = try await channel.nioSSL_peerCertificate().get() else { return .remote }
      let verdict = PeerVerifier(identity.authority.bundle).holder(
        ofVerified: try certificate.toDERBytes(), at: .now)
      if case .accepted(let id) = verdict { return .workload(id) }
    } catch {
      logger.warning("A peer cannot be told", metadata: ["error": "\(error)"])
    }
    return .remote
  }

  private func chain(_ identity: IdentityAuthority.OwnIdentity) throws -> [NIOSSLCertificate] {
    try identity.svid.certificate.chain.certificates.map { try NIOSSLCertificate(bytes: $0, format: .der) }
  }

  private func key(_ identity: IdentityAuthority.OwnIdentity) throws -> NIOSSLPrivateKey {
    try NIOSSLPrivateKey(bytes: Array(identity.key.secretPEM.utf8), format: .pem)
  }
}
