import KubernetesRendering
import Proxy

extension GatewayConfiguration {
  /// The Envoy that is also an agent's way out on one machine.
  static let envoy = GatewayConfiguration(arguments: PairedGateway.arguments, files: PairedGateway.files)
}
