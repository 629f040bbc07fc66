import AgentModel

/// Where the public gateway of one instance listens, reads and writes, and what it allows a client.
///
/// Its Envoy has a bootstrap that does not change; only the certificates come by files, which the control plane writes.
package struct GatewayLayout: Hashable, Sendable {
  /// Where it listens; "::" takes IPv4 as well.
  package var address: String
  package var port: UInt16
  /// Where plain HTTP is sent on to HTTPS; `nil` for nowhere.
  package var plainPort: UInt16?
  /// Of the plain port; `nil` for the same as the other.
  package var plainAddress: String?
  /// Whether an ACME authority's questions, which come by the plain port (RFC 8555 §8.3), go to the control plane. They
  /// take its socket like all else: on a port of this machine, any user could answer for the platform.
  package var takesChallenges = false
  /// The certificates that it watches.
  package var files: EnvoyFiles
  /// Its directory decides who reaches it.
  package var adminSocket: String
  /// Grows until somebody rotates it.
  package var accessLog: String
  /// The control plane's socket for callers with a certificate.
  package var apiSocket: String
  /// The node proxy's socket for requests to agents.
  package var ingressSocket: String
  package var trustDomain: TrustDomain
  package var limits = Limits()

  package init(
    address: String, port: UInt16, files: EnvoyFiles, adminSocket: String, accessLog: String, apiSocket: String,
    ingressSocket: String, trustDomain: TrustDomain = .default
  ) {
    self.address = address
    self.port = port
    self.files = files
    self.adminSocket = adminSocket
    self.accessLog = accessLog
    self.apiSocket = apiSocket
    self.ingressSocket = ingressSocket
    self.trustDomain = trustDomain
  }

  /// Requests in the long run and at once.
  package struct Rate: Hashable, Sendable {
    package var perSecond: Int
    package var burst: Int

    package init(perSecond: Int, burst: Int) {
      self.perSecond = perSecond
      self.burst = burst
    }
  }

  package struct Limits: Hashable, Sendable {
    /// Of one client address (IPv6: of one /64, which one client may have all of).
    package var address: Rate
    /// Of one token.
    package var token: Rate
    /// Of everybody.
    package var everybody: Rate
    package var connections = 4000
    /// Bytes of Envoy's heap; from 95 % on, it refuses requests.
    package var heap = 256 << 20
    /// Bytes of a request's body to the API, which is held until it is complete.
    package var body = 1 << 20
    /// KiB of a request's headers.
    package var headers = 16
    /// Seconds from the end of a request to the API until its answer begins.
    package var answer = 30
    /// Seconds for the whole of a request to the API that is no stream: a body that drips ends here.
    package var request = 60
    /// Seconds without a byte in a stream.
    package var idle = 300
    /// Seconds that a stream to or from an agent lasts at most.
    package var agentStream = 3600
    /// Seconds for the control plane's word on a request to an agent.
    package var authorization = 2

    /// - Parameter rate: requests of one token, a second; an address may have two such.
    package init(rate: Int = Self.rate) {
      token = Rate(perSecond: rate, burst: 4 * rate)
      address = Rate(perSecond: 2 * rate, burst: 8 * rate)
      // No address alone has more than a quarter.
      everybody = Rate(perSecond: max(2000, 8 * rate), burst: max(4000, 32 * rate))
    }

    package static let rate = 25
    package static let rates = 1...1000
  }
}

extension GatewayLayout {
  /// The gateway of an instance, with its files where the instance has them.
  package init(_ layout: InstanceLayout, address: String, port: UInt16) {
    self.init(
      address: address, port: port, files: EnvoyFiles(directory: layout.gatewayFiles, secretsOnly: true),
      adminSocket: layout.gatewayAdminSocket, accessLog: layout.gatewayLog, apiSocket: layout.meshSocket,
      ingressSocket: layout.ingressSocket)
  }

  /// What the control plane is asked an ACME authority's question at: this, then its token.
  package static let challengePath = "/internal/acme-challenge/"

  /// The secrets that the bootstrap refers to.
  enum Secret {
    static let publicCertificate = "public"
    static let identity = "identity"
    static let trust = "trust"
  }

  /// The files that the gateway watches; Envoy does not start without them.
  ///
  /// - Parameters:
  ///   - certificate: What clients on the Internet see.
  ///   - identity: The gateway's SVID, which it shows to control plane and node proxy.
  ///   - trustBundle: Roots of the trust domain, PEM.
  package static func files(
    certificate: WorkloadCertificate, identity: WorkloadCertificate, trustBundle: String
  ) -> [EnvoyFile] {
    [
      EnvoyFile(
        .secret(Secret.publicCertificate),
        [TLSContexts.certificateResource(named: Secret.publicCertificate, certificate)]),
      EnvoyFile(.secret(Secret.identity), [TLSContexts.certificateResource(named: Secret.identity, identity)]),
      EnvoyFile(.secret(Secret.trust), [TLSContexts.bundleResource(named: Secret.trust, roots: trustBundle)]),
    ]
  }
}
