import APIClient
import APIModel
import AgentModel
import ArgumentParser
import Foundation

struct AgentUsageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "usage", abstract: "Show what an agent used of the machine over the last hour.",
    discussion: "A line for each ten seconds; the newest is the last. Tasks are threads on the machine.")

  @OptionGroup var agent: AgentArgument

  @Option(help: "How many of the newest lines, from 1 to 360.")
  var last = 30

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func validate() throws {
    guard (1...360).contains(last) else { throw ValidationError("--last \(last) is not from 1 to 360") }
  }

  func run() async throws {
    let (id, last) = (try agent.id, last)
    let usage = try await connection.withClient { try await $0.usage(of: id, newest: last) }
    try format.print(usage) {
      var table = Table("TIME", "CPU", "MEMORY", "TASKS")
      for sample in usage.samples {
        table.add(sample.time.short, sample.cpuText, sample.memoryText, sample.tasks.map { "\($0)" } ?? "-")
      }
      let limits = usage.limits
      table.add(
        "limit", limits.cpus.map { String(format: "%.2f", $0) } ?? "-",
        limits.memoryBytes.map { "\(ByteSize(bytes: $0))" } ?? "-", limits.tasks.map { "\($0)" } ?? "-")
      return table.rendered()
    }
  }
}

extension UsageResource.Sample {
  var cpuText: String { cpus.map { String(format: "%.2f", $0) } ?? "-" }
  var memoryText: String { String(format: "%.1f MiB", Double(memoryBytes) / 1_048_576) }
}
