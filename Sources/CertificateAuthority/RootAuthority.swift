import AgentModel
import Crypto
import Faults
import FoundationEssentials
import X509

/// A root held in two files, `root.key` (0600) and `root.crt`, instead of in OpenBao, which holds the platform's own:
/// tests issue below it, and `verify` forges with it.
///
/// It signs intermediates and nothing else. The same step, a request in and a certificate out, is what OpenBao's PKI
/// does for the platform; `Authority.adopt` takes either's answer.
package struct RootAuthority: Sendable, CustomStringConvertible, CustomReflectable {
  package let anchor: TrustAnchor
  private let key: IdentityKey
  private let trustDomain: TrustDomain
  /// How long a root is good for: ten years.
  private static let life: TimeInterval = 3650 * 86400
  /// Longest life of an intermediate: it lives in memory, and each start makes another. At half of it, when another is
  /// taken up, a server's certificate of 90 days still fits into the rest.
  package static let intermediateLife = Duration.seconds(200 * 86400)

  /// Opens the root in `directory`, which exists; makes it when there is none.
  ///
  /// The certificate says nothing that the key does not, so a first start that was interrupted after the key is
  /// completed. Nothing is ever written over.
  ///
  /// - Throws: `Fault(.denied)` for files that others may write or, for the key, read; `Fault(.failed)` for files that
  ///   are broken, do not belong together, are of another trust domain, or are not valid at `time`.
  package static func open(
    in directory: String, for trustDomain: TrustDomain, at time: Date
  ) throws -> RootAuthority {
    let keyFile = ProtectedFile(path: "\(directory)/root.key", isSecret: true)
    let certificateFile = ProtectedFile(path: "\(directory)/root.crt", isSecret: false)
    let certificate = try certificateFile.read()
    guard let text = try keyFile.read() else {
      guard certificate == nil else { throw keyFile.broken("it is missing, but root.crt is there") }
      let root = try make(IdentityKey(), for: trustDomain, at: time)
      try keyFile.create(Array(root.key.secretPEM.utf8))
      try certificateFile.create(Array(root.anchor.pem.utf8))
      return root
    }
    guard let pem = String(validating: text, as: UTF8.self), let key = try? IdentityKey(pem: pem) else {
      // The error below names the file; the one of the key could say no more.
      throw keyFile.broken("it is not one P-256 private key in PEM")
    }
    guard let certificate else {
      let root = try make(key, for: trustDomain, at: time)
      try certificateFile.create(Array(root.anchor.pem.utf8))
      return root
    }
    let anchor = try read(certificate, of: certificateFile, for: trustDomain, at: time)
    guard anchor.certificate.publicKey == Certificate.PublicKey(key.key.publicKey) else {
      throw certificateFile.broken("it is not the certificate of root.key")
    }
    return RootAuthority(anchor: anchor, key: key, trustDomain: trustDomain)
  }

  /// Signs an intermediate authority of path length 0.
  ///
  /// - Parameter request: the intermediate's certificate request; only its key counts.
  /// - Returns: the intermediate's certificate in DER. It ends no later than the root.
  /// - Throws: `Fault(.invalid)` for a request that is broken or not signed by its own key; `Fault(.unavailable)` when
  ///   the root is not valid at `time`.
  package func signIntermediate(
    _ request: [UInt8], at time: Date, life: Duration = RootAuthority.intermediateLife
  ) throws -> [UInt8] {
    let subject = try SubjectKey(certificateRequest: request)
    guard anchor.certificate.notValidBefore <= time, time < anchor.notAfter else {
      throw Fault(
        .unavailable, operation: "sign an intermediate authority",
        reason: "the root is valid until \(anchor.notAfter.ISO8601Format()), it is \(time.ISO8601Format())",
        remedy: "check the clock, or make a new root")
    }
    let limit = min(life.seconds, RootAuthority.intermediateLife.seconds)
    let validity = Validity(
      from: time, backdating: Authority.backdating, life: limit, longest: limit + Authority.backdating)
    do {
      let template = try CertificateTemplate.intermediate(
        subject, of: trustDomain, issuer: key.publicKey.identifier)
      return try template.signed(
        key: subject, validity: validity.ending(by: anchor.notAfter), issuer: anchor.certificate.subject,
        signer: Certificate.PrivateKey(key.key)
      ).der
    } catch {
      throw Fault.wrap(error, operation: "sign an intermediate authority", remedy: "report this as a bug")
    }
  }

  package var description: String { "\(anchor) of \(trustDomain)" }
  /// Keeps the key out of `dump` and of failed expectations.
  package var customMirror: Mirror { Mirror(self, children: ["anchor": anchor]) }

  private static func make(_ key: IdentityKey, for domain: TrustDomain, at time: Date) throws -> RootAuthority {
    do {
      let validity = Validity(from: time, backdating: Authority.backdating, life: life, longest: life)
      let (certificate, der) = try CertificateTemplate.root(key.publicKey, of: domain).signed(
        key: key.publicKey, validity: validity, issuer: nil, signer: Certificate.PrivateKey(key.key))
      return RootAuthority(
        anchor: TrustAnchor(der: der, certificate: certificate), key: key, trustDomain: domain)
    } catch {
      throw Fault.wrap(error, operation: "make the root of \(domain)", remedy: "report this as a bug")
    }
  }

  private static func read(
    _ bytes: [UInt8], of file: ProtectedFile, for domain: TrustDomain, at time: Date
  ) throws -> TrustAnchor {
    let anchor: TrustAnchor
    do {
      let text = String(decoding: bytes, as: UTF8.self)
      anchor = try TrustAnchor(der: try PEM.single(text, type: Certificate.defaultPEMDiscriminator))
    } catch let fault as Fault { throw file.broken(fault.reason) } catch { throw file.broken("it is no PEM: \(error)") }
    let names = (try? anchor.certificate.extensions.subjectAlternativeNames).map(Array.init) ?? []
    guard names == [.uniformResourceIdentifier(TrustBundle.id(of: domain))] else {
      throw file.broken("it is not of the trust domain \(domain)")
    }
    guard anchor.certificate.notValidBefore <= time else {
      throw file.broken(
        "it is not valid before \(anchor.certificate.notValidBefore.ISO8601Format()), it is \(time.ISO8601Format())")
    }
    guard time < anchor.notAfter else { throw file.broken("it ended at \(anchor.notAfter.ISO8601Format())") }
    return anchor
  }
}
