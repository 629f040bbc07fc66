import ArgumentParser
import Sentinel

struct SentinelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sentinel", abstract: "Run the sentinel, which reports denied packets ('up' does it).",
    shouldDisplay: false)

  @OptionGroup var instance: InstanceOptions

  func run() async throws {
    let logger = ServiceRun.logger("sentinel")
    let layout = try instance.layout()
    // Opened before anything else: it gives up root.
    let service = try await SentinelService.open(layout: layout, logger: logger)
    try await ServiceRun.run("sentinel") { try await service.run() }
  }
}
