import Faults
import FoundationEssentials
import X509

/// The certificate of a server that has to be there before the platform's authority is: under an issuer of its own, whose
/// key is forgotten as soon as it has signed.
package struct StandaloneServer: Sendable {
  /// Leaf first, PEM.
  package let chain: String
  /// PKCS #8, secret.
  package let secretKeyPEM: String
  /// Who vouches for it, PEM.
  package let issuer: String

  /// - Parameters:
  ///   - issuerName: what the issuer calls itself.
  ///   - life: from `time` on.
  package init(names: [ServerName], issuerName: String, life: Duration, at time: Date) throws {
    do {
      let (issuerKey, key) = (IdentityKey(), IdentityKey())
      let validity = Validity(
        from: time, backdating: Authority.backdating, life: life.seconds, longest: life.seconds + Authority.backdating)
      let signer = Certificate.PrivateKey(issuerKey.key)
      let (issuer, issuerDER) = try CertificateTemplate.standaloneIssuer(issuerKey.publicKey, name: issuerName).signed(
        key: issuerKey.publicKey, validity: validity, issuer: nil, signer: signer)
      let (_, der) = try CertificateTemplate.server(
        key.publicKey, names: names, revocations: nil, issuer: issuerKey.publicKey.identifier
      ).signed(key: key.publicKey, validity: validity, issuer: issuer.subject, signer: signer)
      chain = PEM.certificate(der)
      self.issuer = PEM.certificate(issuerDER)
      secretKeyPEM = key.secretPEM
    } catch {
      throw Fault.wrap(error, operation: "make a server's certificate", remedy: "report this as a bug")
    }
  }
}
