import ArgumentParser
import ControlPlane

struct ControlPlaneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "control-plane", abstract: "Run the control plane, as user lobstack ('up' does it).",
    shouldDisplay: false)

  @OptionGroup var instance: InstanceOptions

  @Option(help: ArgumentHelp("Also serve the API here over TCP.", valueName: "address:port"))
  var listen: String?

  func run() async throws {
    let logger = ServiceRun.logger("control-plane")
    let (layout, listen) = (try instance.layout(), listen)
    try await ServiceRun.run("control-plane") {
      let service = try await ControlPlaneService.open(layout: layout, listen: listen, logger: logger)
      try await service.run()
    }
  }
}
