import AgentModel
import FoundationEssentials
import SwiftASN1
import X509

extension PeerVerifier {
  /// Who a certificate is of that was verified when its connection began: it may have ended since, and a resumed TLS
  /// session is not verified again (RFC 8446 §2.2).
  package func holder(ofVerified leaf: [UInt8], at time: Date) -> Verdict {
    guard let certificate = try? Certificate(derEncoded: leaf) else { return .refused(.malformed(0)) }
    switch SVIDProfile.id(of: certificate) {
    case .refused(let refusal): return .refused(refusal)
    case .accepted(let id):
      guard time >= certificate.notValidBefore else { return .refused(.notYetValid(certificate.notValidBefore)) }
      guard time <= certificate.notValidAfter else { return .refused(.expired(certificate.notValidAfter)) }
      return .accepted(id)
    }
  }
}
