import AgentModel
import ArgumentParser
import ControlPlane

struct ControlPlaneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "control-plane", abstract: "Run the control plane, as user lobstack ('up' does it).",
    shouldDisplay: false)

  @OptionGroup var instance: InstanceOptions

  @Option(help: "SPIFFE trust domain.", transform: parseText)
  var trustDomain: TrustDomain = .default

  @Option(help: "A name of the gateway's certificate.")
  var gatewayName: [String] = []

  @Option(help: "Where the gateway listens.")
  var gatewayPort = ListenAddress.gatewayDefault.port

  @OptionGroup var external: PublicCertificateOptions

  func run() async throws {
    let logger = ServiceRun.logger("control-plane")
    let (layout, trustDomain) = (try instance.layout(), trustDomain)
    let gateway =
      gatewayName.isEmpty
      ? nil : try GatewaySettings(names: gatewayName, port: gatewayPort, external: external.settings)
    try await ServiceRun.run("control-plane") {
      let service = try await ControlPlaneService.open(
        layout: layout, trustDomain: trustDomain, gateway: gateway, logger: logger)
      try await service.run()
    }
  }
}
