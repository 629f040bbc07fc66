import AgentModel
import AlertForwarding
import ArgumentParser
import ControlPlane

struct ControlPlaneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "control-plane", abstract: "Run the control plane, as user lobstack ('up' does it).",
    shouldDisplay: false)

  @OptionGroup var instance: InstanceOptions

  @Option(help: "How to write the log.")
  var logFormat = LogFormat.text

  @Option(help: "SPIFFE trust domain.", transform: parseText)
  var trustDomain: TrustDomain = .default

  @Option(help: "A name of the gateway's certificate.")
  var gatewayName: [String] = []

  @Option(help: "Where the gateway listens.")
  var gatewayPort = ListenAddress.gatewayDefault.port

  @OptionGroup var external: PublicCertificateOptions

  @Option(help: "File that gets a line of JSON for each alert.")
  var alertLog: String?

  @OptionGroup var alerts: AlertForwardingOptions

  @OptionGroup var witness: AuditWitnessOptions

  func run() async throws {
    let logger = ServiceRun.logger("control-plane", logFormat, metadata: RequestScope.metadata)
    let (layout, trustDomain) = (try instance.layout(), trustDomain)
    let gateway =
      gatewayName.isEmpty
      ? nil : try GatewaySettings(names: gatewayName, port: gatewayPort, external: external.settings)
    let (forwarding, witness) = (forwarding, witness.settings)
    try await ServiceRun.run("control-plane") {
      let service = try await ControlPlaneService.open(
        layout: layout, trustDomain: trustDomain, gateway: gateway, forwarding: forwarding, witness: witness,
        logger: logger)
      try await service.run()
    }
  }

  private var forwarding: ForwardingSettings {
    var settings = alerts.settings
    settings.logFile = alertLog
    return settings
  }
}
