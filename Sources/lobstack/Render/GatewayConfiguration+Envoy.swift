import AgentModel
import KubernetesRendering
import Proxy

extension GatewayConfiguration {
  /// The Envoy that is also an agent's way out on one machine.
  static let envoy = GatewayConfiguration(arguments: PairedGateway.arguments, files: PairedGateway.files)
}

extension AgentIngressConfiguration {
  /// The Envoy that is also the gateway of one machine.
  static let envoy = AgentIngressConfiguration(arguments: AgentIngress.arguments) { controlPlane, isInMesh in
    AgentIngress.files(
      isInMesh ? .mesh : .tls(directory: AgentIngressLayout.certificate), controlPlane: controlPlane)
  }
}
