import Crypto
import Faults
import FoundationEssentials
import SwiftASN1
import X509

/// A server's certificate with its key, that another authority issued: read and checked before it is shown to anybody.
package struct ForeignCertificate: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// PEM, leaf first, without what stood between the certificates.
  package let chain: String
  /// PKCS #8 in PEM, secret.
  package let privateKey: String
  package let validity: Validity
  /// Its DNS names, in lower case.
  package let names: [String]
  /// Its issuer's common name, or the whole name without one.
  package let issuer: String
  /// Lower-case hexadecimal.
  package let serial: String

  /// - Throws: `Fault(.invalid)` unless it is a chain whose first certificate is of this P-256 key, for each of `names`,
  ///   valid at `time`, and each signed by the next.
  package init(chain text: String, privateKey: String, for wanted: [String], at time: Date) throws {
    func invalid(_ reason: String) -> Fault {
      Fault(
        .invalid, operation: "use a certificate for \(wanted.joined(separator: ", "))", reason: reason,
        remedy: "ask the authority for another")
    }
    guard text.utf8.count <= Self.longest, privateKey.utf8.count <= Self.longest else {
      throw invalid("it has over \(Self.longest) bytes")
    }
    let documents: [PEMDocument]
    do { documents = try PEMDocument.parseMultiple(pemString: text) } catch { throw invalid("it is no PEM") }
    var certificates: [Certificate] = []
    for document in documents where document.discriminator == Certificate.defaultPEMDiscriminator {
      do { certificates.append(try Certificate(pemDocument: document)) } catch { throw invalid("it is no certificate") }
    }
    guard let leaf = certificates.first else { throw invalid("it holds no certificate") }
    guard let key = try? IdentityKey(pem: privateKey) else { throw invalid("its key is not of P-256") }
    guard leaf.publicKey == Certificate.PublicKey(key.key.publicKey) else { throw invalid("it is of another key") }
    for (below, above) in zip(certificates, certificates.dropFirst())
    where below.issuer != above.subject || !above.publicKey.isValidSignature(below.signature, for: below) {
      throw invalid("its chain is not in order: \(above.subject) has not signed \(below.subject)")
    }
    validity = Validity(issued: leaf.notValidBefore, notBefore: leaf.notValidBefore, notAfter: leaf.notValidAfter)
    guard validity.contains(time) else { throw invalid("it is valid from \(validity), it is \(time.ISO8601Format())") }
    // Extensions that do not parse name nothing.
    let subjects = (try? leaf.extensions.subjectAlternativeNames).map(Array.init) ?? []
    let dns = subjects.compactMap { name in if case .dnsName(let text) = name { text.lowercased() } else { nil } }
    names = dns
    let missing = wanted.filter { !dns.contains($0) }
    guard missing.isEmpty else { throw invalid("it is not for \(missing.joined(separator: ", "))") }
    chain = certificates.compactMap { try? $0.serializeAsPEM().pemString }.map { $0 + "\n" }.joined()
    self.privateKey = key.secretPEM
    issuer = Self.name(of: leaf.issuer)
    serial = leaf.serialNumber.hexadecimal
  }

  private static let longest = 64 << 10

  /// The chain and its key in one text, which a file takes whole; secret.
  package var secretPEM: String { chain + privateKey }

  /// What `secretPEM` wrote.
  package init(secretPEM text: String, for wanted: [String], at time: Date) throws {
    let mark = "-----BEGIN PRIVATE KEY-----"
    let start = text.firstRange(of: mark)?.lowerBound ?? text.endIndex
    try self.init(
      chain: String(text[..<start]), privateKey: String(text[start...]), for: wanted, at: time)
  }

  package var description: String { "certificate \(serial) by \(issuer), \(validity)" }
  /// Keeps the key out of `dump` and of failed expectations.
  package var customMirror: Mirror { Mirror(self, children: ["description": description]) }

  private static func name(of issuer: DistinguishedName) -> String {
    for part in issuer.flatMap({ Array($0) }) where part.type == .RDNAttributeType.commonName {
      return String(describing: part.value)
    }
    return issuer.description
  }
}
