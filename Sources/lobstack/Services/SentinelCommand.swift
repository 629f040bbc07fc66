import AgentModel
import ArgumentParser
import Logging
import NameResolution
import NetworkIsolation
import Sentinel
import Synchronization

struct SentinelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sentinel",
    abstract: "Run the sentinel, which watches the sandboxes and resolves the agents' names ('up' does it).",
    shouldDisplay: false)

  @OptionGroup var instance: InstanceOptions

  @Option(help: "How to write the log.")
  var logFormat = LogFormat.text

  /// What `open` made for `run`; a command's own properties are all arguments.
  private static let service = Mutex<SentinelService?>(nil)

  /// Opens what needs root and gives root up: on the first thread, before anything is awaited.
  func open() throws {
    let layout = try instance.layout()
    let plan = AddressPlan(layout: layout)
    let opened = try SentinelService.open(
      layout: layout,
      names: IPv4Address(plan.serviceAddress).map {
        SentinelService.NameService(address: $0, port: ServicePort.dns.rawValue, tableFile: layout.resolverTable)
      },
      proxyLog: layout.proxyDenials, logger: ServiceRun.logger("sentinel", logFormat))
    Self.service.withLock { $0 = opened }
  }

  func run() async throws {
    guard let service = Self.service.withLock({ $0 }) else { throw ExitCode.failure }
    try await ServiceRun.run("sentinel") { try await service.run() }
  }
}
