import AgentModel
import Foundation
import JSONValues
import Proxy

/// All that lies behind the proxies, as one Envoy that answers every request at once with 64 bytes: the control plane,
/// the node proxy's ingress, an agent's port, a host on the Internet.
final class StubUpstream: Sendable {
  static let hostPort: UInt16 = 10443

  let address: String
  let plainPort: UInt16
  /// The control plane's: mutual TLS.
  let apiSocket: String
  /// In place of the node proxy's: mutual TLS, HTTP/2.
  let ingressSocket: String
  /// No TLS.
  let plainSocket: String
  let envoy: BenchmarkEnvoy

  private enum Secret: String, CaseIterable {
    case control, ingress, host, trust
  }

  init(in directory: String, address: String) throws {
    self.address = address
    plainPort = try freePort()
    apiSocket = "\(directory)/api.sock"
    ingressSocket = "\(directory)/stub-ingress.sock"
    plainSocket = "\(directory)/plain.sock"
    let files = EnvoyFiles(directory: "\(directory)/stub", secretsOnly: true)
    func secret(_ secret: Secret) -> JSON {
      TLSContexts.secret(secret.rawValue, path: files.path(of: .secret(secret.rawValue)))
    }
    func mutual(_ own: Secret, _ protocols: JSON) -> JSON {
      TLSContexts.downstream(
        [
          "tls_params": TLSContexts.parameters(), "alpn_protocols": protocols,
          "tls_certificate_sds_secret_configs": [secret(own)],
          "combined_validation_context": TLSContexts.validation(
            of: .uriPrefix("spiffe://\(TrustDomain.default)/"), bundle: secret(.trust)),
        ], requiresCertificate: true)
    }
    let server = TLSContexts.downstream(
      [
        "tls_params": TLSContexts.parameters(), "alpn_protocols": ["http/1.1"],
        "tls_certificate_sds_secret_configs": [secret(.host)],
      ], requiresCertificate: false)
    let listeners: [JSON] = [
      BareEnvoy.listener("api", .pipe(apiSocket), tls: mutual(.control, ["http/1.1"]), Self.manager),
      BareEnvoy.listener("ingress", .pipe(ingressSocket), tls: mutual(.ingress, ["h2"]), Self.manager),
      BareEnvoy.listener("host", .tcp(address, Self.hostPort), tls: server, Self.manager),
      BareEnvoy.listener("plain", .tcp("127.0.0.1", plainPort), Self.manager),
      BareEnvoy.listener("plain-socket", .pipe(plainSocket), Self.manager),
    ]
    let admin = "\(directory)/stub-admin.sock"
    envoy = try BenchmarkEnvoy(
      "stub", in: directory, bootstrap: BareEnvoy.bootstrap(admin: admin, listeners: listeners), files: files,
      adminSocket: admin)
  }

  private static let manager = BareEnvoy.manager(
    routes: [
      [
        "match": ["prefix": "/"],
        "direct_response": ["status": 200, "body": ["inline_string": .string(String(repeating: "x", count: 64))]],
      ]
    ], filters: [])

  func files(_ identities: Identities, roots: String) throws -> [EnvoyFile] {
    let certificates: [(Secret, WorkloadCertificate)] = [
      (.control, try identities.certificate(of: .controlPlane)), (.ingress, try identities.certificate(of: .proxy)),
      (.host, try identities.certificate(for: [ProxySite.host])),
    ]
    return certificates.map { secret, certificate in
      EnvoyFile(
        .secret(secret.rawValue), [TLSContexts.certificateResource(named: secret.rawValue, certificate)])
    } + [
      EnvoyFile(
        .secret(Secret.trust.rawValue), [TLSContexts.bundleResource(named: Secret.trust.rawValue, roots: roots)])
    ]
  }

  // MARK: Direct

  var direct: LoadTest { LoadTest(name: "direct", url: "http://127.0.0.1:\(plainPort)/v1/agents") }
  var directTLS: LoadTest { LoadTest(name: "direct, TLS", url: "https://\(address):\(Self.hostPort)/v1/messages") }
}
