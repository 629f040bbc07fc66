import AgentModel
import FoundationEssentials
import SwiftASN1
@_spi(FixedExpiryValidationTime) import X509

/// Decides who a TLS peer is by the certificates it showed (X509-SVID §5). A refusal is a value, with its reason.
///
/// Made for a callback of NIOSSL, which hands over DER, the leaf first, and takes a promise.
package struct PeerVerifier: Sendable {
  private let trustDomain: TrustDomain
  private let roots: CertificateStore
  /// Longest chain: a leaf, an intermediate, and one more in each direction of a change.
  private static let mostCertificates = 4
  private static let byteLimit = 32 * 1024

  package init(_ bundle: TrustBundle) {
    trustDomain = bundle.trustDomain
    roots = CertificateStore(bundle.anchors.map(\.certificate))
  }

  package enum Verdict: Sendable, Hashable {
    case accepted(SPIFFEID)
    case refused(PeerRefusal)
  }

  /// - Parameter chain: certificates in DER, the peer's own first.
  package func verify(chain: [[UInt8]], at time: Date) async -> Verdict {
    guard !chain.isEmpty else { return .refused(.noCertificate) }
    guard chain.count <= Self.mostCertificates, chain.reduce(0, { $0 + $1.count }) <= Self.byteLimit else {
      return .refused(.tooLarge)
    }
    var certificates: [Certificate] = []
    for (place, der) in chain.enumerated() {
      // What is wrong inside is nothing to tell whoever made it.
      guard let certificate = try? Certificate(derEncoded: der) else { return .refused(.malformed(place)) }
      certificates.append(certificate)
    }
    let leaf = certificates.removeFirst()
    switch SVIDProfile.id(of: leaf) {
    case .refused(let refusal): return .refused(refusal)
    case .accepted(let id):
      guard id.trustDomain == trustDomain else { return .refused(.wrongTrustDomain(id.trustDomain.description)) }
      guard time >= leaf.notValidBefore else { return .refused(.notYetValid(leaf.notValidBefore)) }
      guard time <= leaf.notValidAfter else { return .refused(.expired(leaf.notValidAfter)) }
      if let refusal = await refusal(of: leaf, above: certificates, at: time) { return .refused(refusal) }
      return .accepted(id)
    }
  }

  private func refusal(of leaf: Certificate, above: [Certificate], at time: Date) async -> PeerRefusal? {
    var verifier = Verifier(rootCertificates: roots) {
      IssuerPolicy()
      RFC5280Policy(fixedExpiryValidationTime: time)
    }
    switch await verifier.validate(leaf: leaf, intermediates: CertificateStore(above)) {
    case .validCertificate: return nil
    case .couldNotValidate(let failures):
      guard let first = failures.first else { return .foreign }
      // The library's reasons hold whole certificates; the one that names an end is told apart, the rest is not.
      let ended = first.chain.contains { time > $0.notValidAfter || time < $0.notValidBefore }
      return .path(ended ? "an authority in it is not valid at this time" : "an authority in it may not sign it")
    }
  }
}

/// What an X.509-SVID of a workload must look like, whoever signed it.
enum SVIDProfile {
  static func id(of leaf: Certificate) -> PeerVerifier.Verdict {
    guard leaf.version == .v3 else { return .refused(.malformed(0)) }
    do {
      if case .isCertificateAuthority? = try leaf.extensions.basicConstraints { return .refused(.authority) }
      guard let usage = try leaf.extensions.keyUsage, usage.digitalSignature else { return .refused(.keyUsage) }
      if usage.keyCertSign || usage.cRLSign { return .refused(.authority) }
      let names = try leaf.extensions.subjectAlternativeNames.map(Array.init) ?? []
      let uris = names.compactMap { name -> String? in
        if case .uniformResourceIdentifier(let uri) = name { return uri }
        return nil
      }
      guard let uri = uris.first else { return .refused(.noURI) }
      guard uris.count == 1 else { return .refused(.severalURIs(uris.count)) }
      guard let id = SPIFFEID(uri) else { return .refused(.notSPIFFEID) }
      guard let uses = try leaf.extensions.extendedKeyUsage, uses.contains(.clientAuth), uses.contains(.serverAuth)
      else { return .refused(.extendedKeyUsage) }
      return .accepted(id)
    } catch { return .refused(.malformed(0)) }
  }
}

/// What the library's own policy leaves open: every authority is of version 3, and its key usage lets it sign.
private struct IssuerPolicy: VerifierPolicy, Sendable {
  /// These are checked here, or on the leaf before.
  let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
    .X509ExtensionID.keyUsage, .X509ExtensionID.subjectAlternativeName, .X509ExtensionID.extendedKeyUsage,
  ]

  func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult {
    for issuer in chain.dropFirst() {
      guard issuer.version == .v3, let usage = try? issuer.extensions.keyUsage, usage.keyCertSign else {
        return .failsToMeetPolicy(reason: "an authority may not sign certificates")
      }
    }
    return .meetsPolicy
  }
}
