/// The ports of the instance's service address. An agent never names them: its packets to 80, 443 and 53 of any address
/// are redirected there, and a packet that was not is dropped.
package enum ServicePort: UInt16, Sendable, CaseIterable {
  /// Agents' DNS, UDP and TCP.
  case dns = 5353
  /// The node proxy for plain HTTP: the platform's API, and hosts with a credential.
  case plain = 15080
  /// The node proxy for TLS that passes through by its server name.
  case tls = 15443
}
