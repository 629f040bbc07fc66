import APIClient
import APIModel
import AgentModel
import ArgumentParser
import Faults

struct AgentGetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Show an agent with the evidence for each of its layers.")

  @OptionGroup var agent: AgentArgument
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let id = try agent.id
    let resource = try await connection.withClient { try await $0.agent(id) }
    try format.print(resource) { Self.table(resource) }
  }

  private static func table(_ agent: AgentResource) -> String {
    var facts = Table()
    facts.add("agent", "\(agent.id)")
    facts.add("phase", agent.status.phase.rawValue)
    if let reason = agent.status.reason { facts.add("reason", reason) }
    if let fault = agent.status.fault { facts.add("remedy", fault.remedy) }
    for warning in agent.status.warnings ?? [] { facts.add("warning", warning) }
    facts.add("image", "\(agent.spec.image)")
    if let digest = agent.status.imageDigest { facts.add("digest", digest) }
    let tier = agent.spec.tier.rawValue
    facts.add("tier", agent.status.limits.map { "\(tier): \(words($0))" } ?? tier)
    if let usage = agent.status.usage {
      let tasks = usage.tasks.map { ", \($0) tasks on the machine" } ?? ""
      facts.add("uses", "\(usage.cpuText) CPU, \(usage.memoryText) memory\(tasks)")
    }
    facts.add("workspace", "\(agent.spec.workspace.size)")
    if let address = agent.status.address { facts.add("address", address) }
    for (name, port) in agent.spec.ports.sorted(by: { $0.key < $1.key }) { facts.add("port", "\(name) \(port)") }
    facts.add("restarts", "\(agent.status.restarts), policy \(agent.spec.restartPolicy.rawValue)")
    if let exit = agent.status.lastExit {
      facts.add("last exit", "code \(exit.code)\(exit.outOfMemory ? ", out of memory" : "")")
    }
    if let startedAt = agent.status.startedAt { facts.add("started", startedAt.short) }
    facts.add("created", agent.metadata.createdAt.short)
    facts.add("uid", "\(agent.metadata.uid)")
    var layers = Table("LAYER", "STATE", "EVIDENCE")
    for layer in agent.status.layers { layers.add(layer.layer, layer.state.rawValue, layer.evidence) }
    return facts.rendered() + (agent.status.layers.isEmpty ? "" : "\n\n" + layers.rendered())
  }

  private static func words(_ limits: UsageResource.Limits) -> String {
    let cpus = limits.cpus.map { $0 == $0.rounded() ? "\(Int64($0))" : "\($0)" }
    return [
      cpus.map { "\($0) CPU" }, limits.memoryBytes.map { "\(ByteSize(bytes: $0)) memory" },
      limits.tasks.map { "\($0) processes" },
    ].compactMap { $0 }.joined(separator: ", ")
  }
}
