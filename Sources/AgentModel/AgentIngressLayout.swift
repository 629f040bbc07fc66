/// Ports and places of the Envoy by which requests from outside reach the agents of a cluster: what its configuration and
/// its Pods have to agree about.
package enum AgentIngressLayout {
  package static let port: UInt16 = 8443
  /// Probes: `/ready` once it serves, `/live` while it answers.
  package static let probePort: UInt16 = 15082
  /// A volume with its configuration.
  package static let configuration = "/etc/lobstack/ingress"
  package static let bootstrap = "bootstrap.json"
  /// A volume with `tls.crt`, `tls.key` and `ca.crt`, where no mesh speaks TLS for it.
  package static let certificate = "/etc/lobstack-tls"
  /// A directory that it may write to.
  package static let runtime = "/run/lobstack/envoy"
  /// Memory that it may have, in bytes.
  package static let memory = ByteSize(bytes: 512 << 20)
  /// The header in which the control plane answers to whom a request goes: the Service of the agent's gateway and its
  /// namespace, joined by a dot.
  package static let destinationHeader = "x-lobstack-agent-gateway"
}
