/// How the webhook is reached, and what it asks.
package struct WebhookSettings: Sendable {
  /// Where it listens.
  package struct Address: Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// `address:port`; an IPv6 address stands in brackets. `nil` when it is none.
    package init?(_ text: String) {
      guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
        (0...65_535).contains(port)
      else { return nil }
      let host = text[..<colon].trimmingPrefix("[")
      self.init(host: host.hasSuffix("]") ? String(host.dropLast()) : String(host), port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  package var address: Address
  /// Where probes and metrics are answered without TLS, too; `nil` for nowhere.
  package var probes: Address?
  /// PEM files, read again when they change.
  package var certificate: String
  package var key: String
  /// PEM file with the authorities of clients; `nil` when clients need no certificate.
  package var clientAuthorities: String?
  package var policyDirectory: String
  /// Longest time for a decision. The API server waits ten seconds unless its configuration says otherwise.
  package var timeout: Duration

  package init(
    address: Address, probes: Address? = nil, certificate: String, key: String, clientAuthorities: String?,
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
