import AgentModel
import Faults
import FoundationEssentials
import SwiftASN1
import Synchronization
import X509

/// Issues the identities of one trust domain. Its keys live in memory only; a root signs its intermediate.
///
/// An owner brings it up, and renews it, in this order: `trust` a root, `adopt` an intermediate that the root signed.
/// To change roots, `trust` the new one first, wait until every verifier has the bundle with both, `adopt` an
/// intermediate of the new one, and call `retireAnchors` until the old one is gone.
///
/// Time is an argument everywhere. Nothing here waits.
package final class Authority: Sendable {
  package let trustDomain: TrustDomain
  package let limits: Limits
  /// How far every certificate is valid before it is made, in seconds: for verifiers whose clock runs behind.
  static let backdating: TimeInterval = 60
  private let state: Mutex<State>

  /// How long what it issues is good for. Longer wishes are cut, so that nothing can be issued past them.
  package struct Limits: Sendable, Hashable {
    package let svid: Duration
    package let server: Duration
    package let token: Duration

    /// - Parameters:
    ///   - svid: of an X.509-SVID, at most 24 hours.
    ///   - server: of a server's certificate, at most 90 days.
    ///   - token: of a JWT-SVID, at most 60 seconds.
    package init(
      svid: Duration = .seconds(86400), server: Duration = .seconds(90 * 86400), token: Duration = .seconds(60)
    ) {
      self.svid = min(max(svid, .seconds(1)), .seconds(86400))
      self.server = min(max(server, .seconds(1)), .seconds(90 * 86400))
      self.token = min(max(token, .seconds(1)), .seconds(60))
    }
  }

  private struct State: Sendable {
    var intermediate: Intermediate?
    /// What the present intermediate issued and takes back.
    var revoked: [RevocationList.Entry] = []
    var revocations: RevocationList?
    var lastRevocationNumber: Int64 = 0
    /// Trusted roots, with the end of the last certificate that was issued under each.
    var anchors: [(anchor: TrustAnchor, needed: Date)] = []
    var tokenKeys: TokenKeys
    var sequence: UInt64
    var watchers: [UInt64: AsyncStream<UInt64>.Continuation] = [:]
    var nextWatcher: UInt64 = 0

    /// The bundle's number only grows, also over a restart.
    mutating func changed(at time: Date) {
      sequence = max(sequence + 1, UInt64(max(0, time.timeIntervalSince1970)))
      for watcher in watchers.values { watcher.yield(sequence) }
    }
  }

  /// - Parameter time: now; numbers the first bundle.
  package init(trustDomain: TrustDomain, limits: Limits = Limits(), at time: Date) {
    self.trustDomain = trustDomain
    self.limits = limits
    state = Mutex(State(tokenKeys: TokenKeys(at: time), sequence: UInt64(max(0, time.timeIntervalSince1970))))
  }

  // MARK: Roots and intermediate

  /// Adds a root to the bundle.
  ///
  /// - Throws: `Fault(.invalid)` when the root has ended.
  package func trust(_ anchor: TrustAnchor, at time: Date) throws {
    guard time < anchor.notAfter else {
      throw Fault(
        .invalid, operation: "trust a root", reason: "it ended at \(anchor.notAfter.ISO8601Format())",
        remedy: "make a new root")
    }
    state.withLock { state in
      guard !state.anchors.contains(where: { $0.anchor == anchor }) else { return }
      state.anchors.append((anchor, needed: .distantPast))
      state.changed(at: time)
    }
  }

  /// Goes over to an intermediate: what is issued from here on is under it. What was issued before stays good, as it
  /// carries its own intermediate.
  ///
  /// - Throws: `Fault(.invalid)` when the certificate is not of this key, or not by a trusted root.
  package func adopt(_ pending: PendingIntermediate, certificate: [UInt8], at time: Date) throws {
    try state.withLock { state in
      state.intermediate = try Intermediate(
        pending, certificate: certificate, anchors: state.anchors.map(\.anchor), at: time)
      // Each authority has a list of its own.
      state.revoked = []
      state.revocations = nil
    }
  }

  /// When the present intermediate was taken up, and when it ends; `nil` before the first.
  package var intermediateValidity: Validity? { state.withLock { $0.intermediate?.validity } }

  /// Drops every root that has ended, and, `after` so long without use, every root but the present intermediate's.
  ///
  /// - Parameters:
  ///   - after: how long a root stays once the last certificate that this process issued under it has ended. After a
  ///     restart nothing is known of earlier ones: keep the old root out of `trust` only when they have ended.
  /// - Returns: the roots that were dropped.
  @discardableResult
  package func retireAnchors(at time: Date, after: Duration = .seconds(86400)) -> [TrustAnchor] {
    state.withLock { state in
      let present = state.intermediate?.anchor
      let retired = state.anchors.filter { entry in
        time >= entry.anchor.notAfter
          || (present != nil && entry.anchor != present && time >= entry.needed + after.seconds)
      }.map(\.anchor)
      guard !retired.isEmpty else { return [] }
      state.anchors.removeAll { retired.contains($0.anchor) }
      state.changed(at: time)
      return retired
    }
  }

  // MARK: Certificates

  /// Issues an X.509-SVID for a key.
  ///
  /// - Parameter life: shorter than the limit, if wanted. It ends no later than the intermediate.
  /// - Throws: `Fault(.denied)` for an id of another trust domain; `Fault(.unavailable)` without a valid intermediate.
  package func issueX509SVID(
    for id: SPIFFEID, key: SubjectKey, at time: Date, life: Duration? = nil
  ) throws -> X509SVID {
    try checkDomain(of: id, operation: "issue an X.509-SVID for \(id)")
    let life = min(life ?? limits.svid, limits.svid)
    let certificate = try issue(
      "issue an X.509-SVID for \(id)", key: key, at: time, life: life, longest: .seconds(86400)
    ) { try CertificateTemplate.svid(key, id: id, issuer: $0) }
    return X509SVID(id: id, certificate: certificate)
  }

  /// Issues a certificate for a server that is reached by these names.
  ///
  /// - Parameter revocations: URI of the list that `revocationList` is published at.
  /// - Throws: `Fault(.invalid)` for no name or more than 100; `Fault(.unavailable)` without a valid intermediate.
  package func issueServerCertificate(
    for names: [ServerName], key: SubjectKey, revocations: String? = nil, at time: Date, life: Duration? = nil
  ) throws -> IssuedCertificate {
    let operation = "issue a certificate for \(names.first.map(\.description) ?? "a server")"
    guard (1...100).contains(names.count) else {
      throw Fault(
        .invalid, operation: operation, reason: "it is for \(names.count) names", remedy: "give 1 to 100 names")
    }
    let life = min(life ?? limits.server, limits.server)
    return try issue(operation, key: key, at: time, life: life, longest: .seconds(90 * 86400)) {
      try CertificateTemplate.server(key, names: names, revocations: revocations, issuer: $0)
    }
  }

  private func issue(
    _ operation: String, key: SubjectKey, at time: Date, life: Duration, longest: Duration,
    template: (_ issuer: [UInt8]) throws -> CertificateTemplate
  ) throws -> IssuedCertificate {
    let validity = Validity(
      from: time, backdating: Self.backdating, life: life.seconds, longest: longest.seconds)
    let intermediate = try state.withLock { state in
      guard let intermediate = state.intermediate, intermediate.validity.contains(time) else {
        let reason = state.intermediate.map { "the intermediate authority was valid until \($0.validity.notAfter)" }
        throw Fault(
          .unavailable, operation: operation, reason: reason ?? "there is no intermediate authority yet",
          remedy: "have the root sign one")
      }
      // Noted before it is signed: a root is never dropped under a certificate that is on its way.
      if let place = state.anchors.firstIndex(where: { $0.anchor == intermediate.anchor }) {
        state.anchors[place].needed = max(state.anchors[place].needed, validity.notAfter)
      }
      return intermediate
    }
    let ending = validity.ending(by: intermediate.validity.notAfter)
    do {
      let (certificate, der) = try template(intermediate.keyIdentifier).signed(
        key: key, validity: ending, issuer: intermediate.certificate.subject, signer: intermediate.signer)
      return IssuedCertificate(
        chain: CertificateChain([der, intermediate.der]), validity: ending,
        serial: certificate.serialNumber.hexadecimal)
    } catch {
      throw Fault.wrap(error, operation: operation, remedy: "report this as a bug")
    }
  }

  // MARK: Revocation

  /// Takes a certificate of the present intermediate back, in the next list. SVIDs need none: they end within a day.
  package func revoke(_ certificate: IssuedCertificate, at time: Date) {
    guard let leaf = certificate.chain.certificates.first, let parsed = try? Certificate(derEncoded: leaf) else {
      return  // it is nobody's certificate, so nobody believes it
    }
    state.withLock { state in
      guard parsed.issuer == state.intermediate?.certificate.subject,
        !state.revoked.contains(where: { $0.serial == parsed.serialNumber })
      else { return }
      state.revoked.append(RevocationList.Entry(serial: parsed.serialNumber, time: time))
      state.revocations = nil
    }
  }

  /// The present intermediate's list; the same for a day, unless something is revoked.
  ///
  /// - Throws: `Fault(.unavailable)` without a valid intermediate.
  package func revocationList(at time: Date) throws -> RevocationList {
    try state.withLock { state in
      if let present = state.revocations, present.thisUpdate <= time, time < present.thisUpdate + 86400,
        time < present.nextUpdate
      {
        return present
      }
      guard let intermediate = state.intermediate, intermediate.validity.contains(time) else {
        throw Fault(
          .unavailable, operation: "make a revocation list", reason: "there is no valid intermediate authority",
          remedy: "have the root sign one")
      }
      // It has to grow with every list, also over a restart (RFC 5280 §5.2.3).
      let number = max(state.lastRevocationNumber + 1, Int64(max(0, time.timeIntervalSince1970)))
      let list = try RevocationList(state.revoked, number: number, by: intermediate, at: time)
      state.revocations = list
      state.lastRevocationNumber = number
      return list
    }
  }

  // MARK: Tokens

  /// Issues a JWT-SVID.
  ///
  /// - Throws: `Fault(.denied)` for an id of another trust domain; `Fault(.invalid)` for an audience that is empty.
  package func issueJWTSVID(
    for id: SPIFFEID, audience: [String], at time: Date, life: Duration? = nil
  ) throws -> JWTSVID {
    try checkDomain(of: id, operation: "issue a JWT-SVID for \(id)")
    let life = min(life ?? limits.token, limits.token)
    let signer = state.withLock { $0.tokenKeys.present }
    return try JWTSVID(for: id, audience: audience, at: time, life: life, signer: signer)
  }

  /// Signs tokens with the key that the bundle announced as the next, and announces another.
  ///
  /// - Throws: `Fault(.conflict)` within two minutes of the last time: tokens of the key before would be refused.
  package func rotateTokenKeys(at time: Date) throws {
    try state.withLock { state in
      try state.tokenKeys.rotate(at: time)
      state.changed(at: time)
    }
  }

  // MARK: Bundle

  /// What verifiers need: all trusted roots, all keys of tokens.
  package var bundle: TrustBundle {
    state.withLock { state in
      TrustBundle(
        trustDomain: trustDomain, anchors: state.anchors.map(\.anchor), tokenKeys: state.tokenKeys.published,
        sequence: state.sequence)
    }
  }

  /// The number of each bundle after this call. A slow reader misses numbers between, never the last.
  package func bundleChanges() -> AsyncStream<UInt64> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let number = state.withLock { state in
        state.nextWatcher += 1
        state.watchers[state.nextWatcher] = continuation
        return state.nextWatcher
      }
      continuation.onTermination = { [weak self] _ in
        // The lock may be held by a change that is on its way to this very stream, never by this thread.
        _ = self?.state.withLock { $0.watchers.removeValue(forKey: number) }
      }
    }
  }

  private func checkDomain(of id: SPIFFEID, operation: String) throws {
    guard id.trustDomain == trustDomain else {
      throw Fault(
        .denied, operation: operation, reason: "this authority is of the trust domain \(trustDomain)",
        remedy: "ask the authority of \(id.trustDomain)")
    }
  }
}
