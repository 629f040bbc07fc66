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

  func run() async throws {
    let logger = ServiceRun.logger("control-plane")
    let (layout, trustDomain, names) = (try instance.layout(), trustDomain, gatewayName)
    try await ServiceRun.run("control-plane") {
      let service = try await ControlPlaneService.open(
        layout: layout, trustDomain: trustDomain, gateway: names.isEmpty ? nil : try GatewayNames(names), logger: logger
      )
      try await service.run()
    }
  }
}
