import AgentModel
import CertificateAuthority
import Faults
import FoundationEssentials

/// An SVID with its private key.
struct HeldSVID: Sendable {
  let svid: X509SVID
  let key: IdentityKey
  fileprivate let renewal: Date
}

/// The SVIDs that callers get: one for each identity, made when first asked for, renewed at half its life.
///
/// Kept, so that asking again costs nothing, and at most one for each line of the table.
actor HeldSVIDs {
  private let authority: Authority
  private let record: WorkloadServer.Recorder
  private let now: @Sendable () -> Date
  private var held: [SPIFFEID: HeldSVID] = [:]
  /// Those that are being made, so that callers who come together wait for one.
  private var making: [SPIFFEID: Task<HeldSVID, any Error>] = [:]
  private var failed: [SPIFFEID: Date] = [:]
  /// How long a renewal that failed is left alone, while the present certificate is good, in seconds.
  private static let pause: TimeInterval = 5

  init(authority: Authority, record: @escaping WorkloadServer.Recorder, now: @escaping @Sendable () -> Date) {
    self.authority = authority
    self.record = record
    self.now = now
  }

  /// - Throws: what the authority or the record of it throws, when there is no certificate that is still good.
  func svid(of id: SPIFFEID) async throws -> HeldSVID {
    let time = now()
    let present = held[id].flatMap { time < $0.svid.certificate.validity.notAfter ? $0 : nil }
    if let present {
      if time < present.renewal { return present }
      if let last = failed[id], time < last + Self.pause { return present }
    }
    do {
      let fresh = try await make(id, at: time)
      failed[id] = nil
      return fresh
    } catch {
      failed[id] = time
      guard let present else { throw error }
      return present
    }
  }

  /// Forgets, with their keys, the SVIDs of identities that nobody has any more.
  func keep(only ids: Set<SPIFFEID>) {
    held = held.filter { ids.contains($0.key) }
    failed = failed.filter { ids.contains($0.key) }
  }

  private func make(_ id: SPIFFEID, at time: Date) async throws -> HeldSVID {
    if let making = making[id] { return try await making.value }
    // Awaited here, and by those who come meanwhile. A caller that goes away must not undo it for the others.
    let task = Task { [authority, record] in
      let key = IdentityKey()
      let svid = try authority.issueX509SVID(for: id, key: key.publicKey, at: time)
      try await record(.certificate(svid))
      let renewal = RenewalPolicy.halfLife.renewal(of: svid.certificate.validity)
      return HeldSVID(svid: svid, key: key, renewal: renewal)
    }
    making[id] = task
    defer { making[id] = nil }
    let fresh = try await task.value
    held[id] = fresh
    return fresh
  }
}
