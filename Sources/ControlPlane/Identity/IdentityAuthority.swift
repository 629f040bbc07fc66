import APIModel
import AgentModel
import CertificateAuthority
import Faults
import FoundationEssentials
import Logging
import NodeProtocol
import Synchronization

/// Who is who on this platform: the certificate authority, and what it may sign.
///
/// It signs for an agent that the store knows, and for the platform's own services; nothing that a request says can
/// make it sign for another.
final class IdentityAuthority: Sendable {
  let authority: Authority
  private let root: RootAuthority
  private let audit: AuditTrail
  private let own: Mutex<State>

  private struct State {
    var services: [SPIFFEID.Service: OwnIdentity] = [:]
    /// What was signed for the requests that the node still makes.
    var signed: [CertificateRequest: SignedCertificate] = [:]
    var tokenKeySince: Date
  }

  /// A certificate of the control plane's or the gateway's, with the key that was made for it here.
  struct OwnIdentity: Sendable {
    let key: IdentityKey
    let svid: X509SVID
    let renewal: Date
  }

  /// Opens the root below `directory`, and takes up an intermediate in memory.
  static func open(
    directory: String, trustDomain: TrustDomain, audit: AuditTrail, at time: Date = .now
  ) throws -> IdentityAuthority {
    let root = try RootAuthority.open(in: directory, for: trustDomain, at: time)
    let authority = Authority(trustDomain: trustDomain, at: time)
    try authority.trust(root.anchor, at: time)
    let identity = IdentityAuthority(authority: authority, root: root, audit: audit, at: time)
    try identity.renewIntermediate(at: time)
    return identity
  }

  private init(authority: Authority, root: RootAuthority, audit: AuditTrail, at time: Date) {
    self.authority = authority
    self.root = root
    self.audit = audit
    own = Mutex(State(tokenKeySince: time))
  }

  var trustDomain: TrustDomain { authority.trustDomain }

  /// How long tokens are signed with one key, in seconds.
  private static let tokenKeyLife: TimeInterval = 86_400

  /// Takes up another intermediate when half of the present one's life is over, and another key for tokens each day.
  func renewIntermediate(at time: Date = .now) throws {
    let isDue = own.withLock { state in
      guard time.timeIntervalSince(state.tokenKeySince) > Self.tokenKeyLife else { return false }
      state.tokenKeySince = time
      return true
    }
    if isDue { try authority.rotateTokenKeys(at: time) }
    if let present = authority.intermediateValidity {
      let life = present.notAfter.timeIntervalSince(present.issued)
      guard !present.contains(time) || time > present.issued.addingTimeInterval(life / 2) else { return }
    }
    let pending = PendingIntermediate()
    let certificate = try root.signIntermediate(try pending.certificateRequest(), at: time)
    try authority.adopt(pending, certificate: certificate, at: time)
  }

  /// The service's certificate, renewed at half its life.
  func identity(of service: SPIFFEID.Service, at time: Date = .now) throws -> OwnIdentity {
    // A clock that was set back makes a certificate of the future, which nobody believes.
    if let present = own.withLock({ $0.services[service] }), time < present.renewal,
      present.svid.certificate.validity.contains(time)
    {
      return present
    }
    let key = IdentityKey()
    let id = SPIFFEID.service(service, in: trustDomain)
    let svid = try authority.issueX509SVID(for: id, key: key.publicKey, at: time)
    let renewal = RenewalPolicy.halfLife.renewal(of: svid.certificate.validity)
    let fresh = OwnIdentity(key: key, svid: svid, renewal: renewal)
    own.withLock { $0.services[service] = fresh }
    return fresh
  }

  /// Answers the node's requests, each recorded before it is given out.
  ///
  /// - Parameter agents: those that exist; a request for another's identity is not answered.
  func answer(_ requests: [CertificateRequest], agents: Set<AgentID>, at time: Date = .now) async throws
    -> DesiredIdentity
  {
    own.withLock { state in state.signed = state.signed.filter { requests.contains($0.key) } }
    for request in requests where own.withLock({ $0.signed[request] }) == nil {
      guard isAllowed(request.id, agents) else { continue }
      let key = try SubjectKey(publicKeyInfo: request.publicKey)
      let svid = try authority.issueX509SVID(for: request.id, key: key, at: time)
      try await audit.require(
        AuditEvent(
          actor: "control-plane", action: "identity.issue", target: "identity \(request.id)", outcome: "allowed",
          details: [
            "serial": svid.certificate.serial, "not.after": svid.certificate.validity.notAfter.ISO8601Format(),
          ]))
      own.withLock {
        $0.signed[request] = SignedCertificate(
          request: request, chain: svid.certificate.chain.pem, notAfter: svid.certificate.validity.notAfter,
          serialNumber: svid.certificate.serial)
      }
    }
    return DesiredIdentity(
      trustDomain: trustDomain, trustBundle: authority.bundle.pem,
      certificates: own.withLock { state in requests.compactMap { state.signed[$0] } })
  }

  private func isAllowed(_ id: SPIFFEID, _ agents: Set<AgentID>) -> Bool {
    guard id.trustDomain == trustDomain else { return false }
    if let agent = id.agent { return agents.contains(agent) }
    return id.service == .proxy
  }
}
