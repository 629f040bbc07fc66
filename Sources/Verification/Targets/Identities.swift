import AgentModel
import CertificateAuthority
import ChildProcess
import Faults
import Foundation
import SecretStore

/// Certificates to show to the platform's listeners: real ones, taken from where root can read them, and forged ones.
struct Identities: Sendable {
  let layout: InstanceLayout
  /// Readable by root alone; goes with the run.
  private let directory: String

  init(layout: InstanceLayout, site: ProbeSite) throws {
    self.layout = layout
    directory = "\(site.directory)/identities-\(layout.instance)"
    try makeDirectory(directory, mode: 0o700)
  }

  // MARK: Real ones

  /// The gateway's own.
  func gateway() throws -> TLSClient.Identity {
    struct Secrets: Decodable {
      struct Resource: Decodable { var tls_certificate: Certificate? }
      struct Certificate: Decodable { var certificate_chain, private_key: Text }
      struct Text: Decodable { var inline_string: String }
      var resources: [Resource]
    }
    let path = "\(layout.gatewayFiles)/sds/identity.json"
    guard let data = FileManager.default.contents(atPath: path),
      let secrets = try? JSONDecoder().decode(Secrets.self, from: data),  // the reason below says what is missing
      let certificate = secrets.resources.first?.tls_certificate
    else { throw NotTestable("\(path) holds no certificate to try") }
    return try write(
      "gateway", certificate.certificate_chain.inline_string, certificate.private_key.inline_string)
  }

  /// An agent's own, which it never sees itself.
  func agent(_ id: AgentID) throws -> TLSClient.Identity {
    guard let held = try heldKeys()["held"] as? [Any] else { throw noKeys }
    // A dictionary whose keys are ids: Swift writes it as key, value, key, value, …
    for place in stride(from: 0, to: held.count - 1, by: 2) {
      guard let name = held[place] as? String, SPIFFEID(name)?.agent == id,
        let value = held[place + 1] as? [String: Any],
        let key = value["privateKey"] as? String,
        let chain = (value["certificate"] as? [String: Any])?["chain"] as? String
      else { continue }
      return try write("agent-\(id.name)", chain, key)
    }
    throw NotTestable("the node holds no certificate of agent \(id)")
  }

  private var noKeys: NotTestable { NotTestable("\(layout.identityKeysFile) holds no keys that can be read") }

  private func heldKeys() throws -> [String: Any] {
    guard let data = FileManager.default.contents(atPath: layout.identityKeysFile),
      let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    else { throw noKeys }
    return object
  }

  /// Makes every certificate of the node's due: its next start renews them all.
  func makeDue() throws {
    guard let data = FileManager.default.contents(atPath: layout.identityKeysFile) else { throw noKeys }
    // As text: nothing else of the file may change.
    let text = String(decoding: data, as: UTF8.self)
    let due = text.replacing(/"renewAt":[-+.0-9eE]+/, with: #""renewAt":0"#)
    guard due != text else { throw noKeys }
    try Data(due.utf8).write(to: URL(filePath: layout.identityKeysFile))
  }

  /// Serial numbers of the certificates that the node holds, by id.
  func serials() throws -> [String: String] {
    guard let held = try heldKeys()["held"] as? [Any] else { throw noKeys }
    var serials: [String: String] = [:]
    for place in stride(from: 0, to: held.count - 1, by: 2) {
      guard let name = held[place] as? String, let value = held[place + 1] as? [String: Any],
        let certificate = value["certificate"] as? [String: Any]
      else { continue }
      serials[name] = certificate["serialNumber"] as? String
    }
    return serials
  }

  // MARK: Forged ones

  /// Says that it is `id`, under a root that nobody trusts.
  func foreign(_ id: SPIFFEID) throws -> TLSClient.Identity {
    let directory = "\(directory)/foreign"
    try makeDirectory(directory, mode: 0o700)
    return try forge("foreign", id, root: directory, life: .seconds(3600))
  }

  /// Under the platform's own root, good for one second: for a platform of ours only, whose root may be used.
  ///
  /// - Returns: it, once it has ended.
  func expired(_ id: SPIFFEID) async throws -> TLSClient.Identity {
    let pending = PendingIntermediate()
    let request = try pending.certificateRequest()
    let (anchor, certificate): (TrustAnchor, [UInt8])
    do {
      (anchor, certificate) = try await VaultOperator(layout: layout).with { vault in
        let root = Authorities(vault)
        let signed = try await root.signIntermediate(
          request, commonName: "Lobstack intermediate", uri: TrustBundle.id(of: id.trustDomain), life: .seconds(3600))
        return (try TrustAnchor(pem: try await root.root() ?? ""), try CertificateText.der(signed))
      }
    } catch {
      throw NotTestable("the root of the second platform does not sign: \(error)")
    }
    let identity = try issue("expired", id, pending, certificate, below: anchor, life: .seconds(1))
    try await Task.sleep(for: .milliseconds(2_100))
    return identity
  }

  private func forge(
    _ name: String, _ id: SPIFFEID, root directory: String, life: Duration
  ) throws -> TLSClient.Identity {
    let root = try RootAuthority.open(in: directory, for: id.trustDomain, at: .now)
    let pending = PendingIntermediate()
    let certificate = try root.signIntermediate(try pending.certificateRequest(), at: .now)
    return try issue(name, id, pending, certificate, below: root.anchor, life: life)
  }

  private func issue(
    _ name: String, _ id: SPIFFEID, _ pending: PendingIntermediate, _ certificate: [UInt8], below anchor: TrustAnchor,
    life: Duration
  ) throws -> TLSClient.Identity {
    let authority = Authority(trustDomain: id.trustDomain, at: .now)
    try authority.trust(anchor, at: .now)
    try authority.adopt(pending, certificate: certificate, at: .now)
    let key = IdentityKey()
    let svid = try authority.issueX509SVID(for: id, key: key.publicKey, at: .now, life: life)
    return try write(name, svid.certificate.chain.pem, key.secretPEM)
  }

  private func write(_ name: String, _ chain: String, _ key: String) throws -> TLSClient.Identity {
    let identity = TLSClient.Identity(certificates: "\(directory)/\(name).pem", key: "\(directory)/\(name).key")
    try chain.write(toFile: identity.certificates, atomically: true, encoding: .utf8)
    try key.write(toFile: identity.key, atomically: true, encoding: .utf8)
    chmod(identity.key, 0o600)
    return identity
  }

  /// The trust domain, as the gateway's own certificate has it.
  func trustDomain() async throws -> TrustDomain {
    let text = try await openSSL(["x509", "-noout", "-ext", "subjectAltName", "-in", try gateway().certificates])
      .standardOutput
    let uri = text.split(whereSeparator: { $0.isWhitespace || $0 == "," }).first { $0.hasPrefix("URI:") }
    guard let id = uri.flatMap({ SPIFFEID(String($0.dropFirst(4))) }) else {
      throw NotTestable("the gateway's certificate has no SPIFFE id")
    }
    return id.trustDomain
  }
}
