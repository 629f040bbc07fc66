import AgentModel

/// How the webhook is reached, and what it asks.
package struct WebhookSettings: Sendable {
  /// Where it listens.
  package var address: ListenAddress
  /// Where probes and metrics are answered without TLS, too; `nil` for nowhere.
  package var probes: ListenAddress?
  /// PEM files, read again when they change.
  package var certificate: String
  package var key: String
  /// PEM file with the authorities of clients; `nil` when clients need no certificate.
  package var clientAuthorities: String?
  package var policyDirectory: String
  /// Longest time for a decision. The API server waits ten seconds unless its configuration says otherwise.
  package var timeout: Duration

  package init(
    address: ListenAddress, probes: ListenAddress? = nil, certificate: String, key: String, clientAuthorities: String?,
    policyDirectory: String, timeout: Duration
  ) {
    self.address = address
    self.probes = probes
    self.certificate = certificate
    self.key = key
    self.clientAuthorities = clientAuthorities
    self.policyDirectory = policyDirectory
    self.timeout = timeout
  }
}
