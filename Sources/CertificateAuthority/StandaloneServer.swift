import Faults
import FoundationEssentials
import SwiftASN1
import X509

/// The certificate of a server that has to be there before the platform's authority is.
package struct StandaloneServer: Sendable {
  /// Leaf first, PEM.
  package let chain: String
  /// PKCS #8, secret.
  package let secretKeyPEM: String
  /// Who vouches for it, PEM.
  package let issuer: String

  /// One under an issuer of its own, whose key is forgotten as soon as it has signed.
  ///
  /// - Parameters:
  ///   - issuerName: what the issuer calls itself.
  ///   - life: from `time` on.
  package init(names: [ServerName], issuerName: String, life: Duration, at time: Date) throws {
    self = try StandaloneIssuer(name: issuerName, life: life, at: time).server(names: names, life: life, at: time)
  }

  fileprivate init(chain: String, secretKeyPEM: String, issuer: String) {
    self.chain = chain
    self.secretKeyPEM = secretKeyPEM
    self.issuer = issuer
  }
}

/// Who vouches for servers that know one another before the platform's authority is there: the nodes of a cluster.
package struct StandaloneIssuer: Sendable {
  /// PEM.
  package let certificatePEM: String
  private let certificate: Certificate
  private let key: IdentityKey

  /// PKCS #8, secret.
  package var secretKeyPEM: String { key.secretPEM }

  /// Makes one.
  ///
  /// - Parameter life: from `time` on.
  package init(name: String, life: Duration, at time: Date) throws {
    do {
      key = IdentityKey()
      let template = try CertificateTemplate.standaloneIssuer(key.publicKey, name: name)
      let (certificate, der) = try template.signed(
        key: key.publicKey, validity: Self.validity(life, at: time), issuer: nil,
        signer: Certificate.PrivateKey(key.key))
      self.certificate = certificate
      certificatePEM = PEM.certificate(der)
    } catch {
      throw Fault.wrap(error, operation: "make an issuer's certificate", remedy: "report this as a bug")
    }
  }

  /// One that was made before.
  ///
  /// - Throws: `Fault(.invalid)` for what is no certificate or no key.
  package init(certificatePEM: String, secretKeyPEM: String) throws {
    key = try IdentityKey(pem: secretKeyPEM)
    self.certificatePEM = certificatePEM
    do { certificate = try Certificate(pemEncoded: certificatePEM) } catch {
      throw Fault(
        .invalid, operation: "read an issuer's certificate", reason: "it is no certificate in PEM",
        remedy: "restore the file from a backup", cause: error)
    }
  }

  package func server(names: [ServerName], life: Duration, at time: Date) throws -> StandaloneServer {
    do {
      let serverKey = IdentityKey()
      let template = try CertificateTemplate.server(
        serverKey.publicKey, names: names, revocations: nil, issuer: key.publicKey.identifier)
      let (_, der) = try template.signed(
        key: serverKey.publicKey, validity: Self.validity(life, at: time), issuer: certificate.subject,
        signer: Certificate.PrivateKey(key.key))
      return StandaloneServer(
        chain: PEM.certificate(der), secretKeyPEM: serverKey.secretPEM, issuer: certificatePEM)
    } catch {
      throw Fault.wrap(error, operation: "make a server's certificate", remedy: "report this as a bug")
    }
  }

  private static func validity(_ life: Duration, at time: Date) -> Validity {
    Validity(
      from: time, backdating: Authority.backdating, life: life.seconds, longest: life.seconds + Authority.backdating)
  }
}
