import Faults
import FoundationEssentials
import X509

/// The certificate of a server that has to be there before the authority is: it vouches for itself, and whoever calls it
/// is told which one it is.
package struct SelfSignedServer: Sendable {
  /// PEM.
  package let certificate: String
  /// PKCS #8, secret.
  package let secretKeyPEM: String

  /// - Parameter life: from `time` on.
  package init(names: [ServerName], life: Duration, at time: Date) throws {
    do {
      let key = IdentityKey()
      let validity = Validity(
        from: time, backdating: Authority.backdating, life: life.seconds, longest: life.seconds + Authority.backdating)
      let template = try CertificateTemplate.server(
        key.publicKey, names: names, revocations: nil, issuer: key.publicKey.identifier)
      let (certificate, der) = try template.signed(
        key: key.publicKey, validity: validity, issuer: nil, signer: Certificate.PrivateKey(key.key))
      self.certificate = TrustAnchor(der: der, certificate: certificate).pem
      secretKeyPEM = key.secretPEM
    } catch {
      throw Fault.wrap(error, operation: "make a server's certificate", remedy: "report this as a bug")
    }
  }
}
