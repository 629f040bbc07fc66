import APIModel
import AgentModel
import CertificateAuthority
import Faults
import FoundationEssentials
import Logging
import NodeProtocol
import Synchronization
import Turns

/// Who is who on this platform: the certificate authority, and what it may sign.
///
/// It signs for an agent that the store knows, and for the platform's own services; nothing that a request says can
/// make it sign for another.
final class IdentityAuthority: Sendable {
  let authority: Authority
  private let root: any RootSigning
  private let turn = Turn()
  private let logger: Logger
  private let audit: AuditTrail
  private let own: Mutex<State>

  private struct State {
    var services: [SPIFFEID.Service: OwnIdentity] = [:]
    /// What was signed for the requests that the node still makes.
    var signed: [CertificateRequest: SignedCertificate] = [:]
    var tokenKeySince: Date
    /// When a root that did not sign is asked again.
    var retryAt = Date.distantPast
  }

  /// A certificate of the control plane's or the gateway's, with the key that was made for it here.
  struct OwnIdentity: Sendable {
    let key: IdentityKey
    let svid: X509SVID
    let renewal: Date
  }

  /// - Parameter root: what stands above the intermediate that `authority` is to have.
  init(authority: Authority, root: any RootSigning, audit: AuditTrail, logger: Logger, at time: Date = .now) {
    self.authority = authority
    self.root = root
    self.audit = audit
    self.logger = logger
    own = Mutex(State(tokenKeySince: time))
  }

  var trustDomain: TrustDomain { authority.trustDomain }

  /// Returns when there is an intermediate, however long the root does not answer.
  ///
  /// - Throws: `CancellationError`, and nothing else.
  func establish() async throws {
    while authority.intermediateValidity == nil {
      do { try await renewIntermediate() } catch let error as CancellationError { throw error } catch {
        note(error)
        try await Task.sleep(for: Self.pause)
      }
    }
    failure.withLock { $0 = nil }
  }

  private static let pause = Duration.milliseconds(200)
  private let failure = Mutex<Fault?>(nil)

  /// Why there is no authority yet.
  var whyNotEstablished: Fault? { authority.intermediateValidity == nil ? failure.withLock { $0 } : nil }

  private func note(_ error: any Error) {
    let fault = Fault.wrap(error, operation: "take up an intermediate authority", remedy: "see 'lobstack status'")
    let isNew = failure.withLock { known in
      defer { known = fault }
      return known?.reason != fault.reason
    }
    if isNew { logger.warning("There is no certificate authority yet", metadata: ["error": "\(fault)"]) }
  }

  /// How long tokens are signed with one key, in seconds.
  private static let tokenKeyLife: TimeInterval = 86_400

  /// Takes up another intermediate when half of the present one's life is over, and another key for tokens each day.
  ///
  /// - Throws: `Fault` when there is none and the root does not sign one; with one that is good, the root is asked again
  ///   in a minute.
  func renewIntermediate(at time: Date = .now) async throws {
    let isDue = own.withLock { state in
      guard time.timeIntervalSince(state.tokenKeySince) > Self.tokenKeyLife else { return false }
      state.tokenKeySince = time
      return true
    }
    if isDue { try authority.rotateTokenKeys(at: time) }
    guard isIntermediateDue(at: time) else { return }
    try await turn.take { [self] in
      guard isIntermediateDue(at: time) else { return }
      do { try await takeUpIntermediate(at: time) } catch {
        guard authority.intermediateValidity?.contains(time) == true else { throw error }
        own.withLock { $0.retryAt = time + 60 }
        logger.warning("The intermediate authority is not renewed", metadata: ["error": "\(error)"])
      }
    }
  }

  private func isIntermediateDue(at time: Date) -> Bool {
    guard let present = authority.intermediateValidity, present.contains(time) else { return true }
    let life = present.notAfter.timeIntervalSince(present.issued)
    return time > present.issued.addingTimeInterval(life / 2) && time >= own.withLock { $0.retryAt }
  }

  private func takeUpIntermediate(at time: Date) async throws {
    let anchor = try await root.anchor()
    if !authority.bundle.anchors.contains(anchor) { try authority.trust(anchor, at: time) }
    let pending = PendingIntermediate()
    let certificate = try await root.signIntermediate(try pending.certificateRequest(), at: time)
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
