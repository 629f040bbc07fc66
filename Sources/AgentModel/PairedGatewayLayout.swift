/// Where the Envoy of an agent's gateway listens and reads inside its Pod, for those that tell it and those that run it.
///
/// The ports are those of the node proxy, and none of those that Istio takes in a Pod.
package enum PairedGatewayLayout {
  /// Plain HTTP of the agent: hosts with a credential.
  package static let httpPort: UInt16 = 15080
  /// TLS of the agent, passed through.
  package static let tlsPort: UInt16 = 15443
  /// Requests to the agent's ports, from the mesh.
  package static let ingressPort: UInt16 = 15081
  /// Probes: `/ready` once it serves, `/live` while it answers.
  package static let probePort: UInt16 = 15082

  /// A volume with its configuration.
  package static let configuration = "/etc/lobstack/gateway"
  package static let bootstrap = "bootstrap.json"
  /// A volume with a file for each credential, by the secret's name.
  package static let credentials = "/run/lobstack/credentials"
  /// A directory that it may write to.
  package static let runtime = "/run/lobstack/envoy"
  /// Memory that it may have, in bytes.
  package static let memory = ByteSize(bytes: 256 << 20)
}
