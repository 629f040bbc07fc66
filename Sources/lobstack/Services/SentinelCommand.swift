import AgentModel
import ArgumentParser
import NameResolution
import NetworkIsolation
import Sentinel

struct SentinelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sentinel",
    abstract: "Run the sentinel, which resolves the agents' names and reports denials ('up' does it).",
    shouldDisplay: false)

  @OptionGroup var instance: InstanceOptions

  func run() async throws {
    let logger = ServiceRun.logger("sentinel")
    let layout = try instance.layout()
    // Opened before anything else: it gives up root.
    let plan = AddressPlan(layout: layout)
    let service = try await SentinelService.open(
      layout: layout,
      names: IPv4Address(plan.serviceAddress).map {
        SentinelService.NameService(address: $0, port: ServicePort.dns.rawValue, tableFile: layout.resolverTable)
      },
      proxyLog: layout.proxyDenials, logger: logger)
    try await ServiceRun.run("sentinel") { try await service.run() }
  }
}
