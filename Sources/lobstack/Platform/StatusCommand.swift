import APIClient
import APIModel
import ArgumentParser
import Faults

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show how the platform does.",
    discussion: "Exit code 0 when every component is ready, 1 when one is not, 3 when the platform does not run.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let status = try await connection.withClient { try await $0.status() }
    try format.print(status) { Self.table(status) }
    guard status.components.allSatisfy({ $0.state == "ready" }) else { throw Degraded(code: 1) }
  }

  static func table(_ status: PlatformStatus) -> String {
    var components = Table("COMPONENT", "STATE", "DETAIL")
    for component in status.components { components.add(component.name, component.state, component.detail) }
    var lines = ["instance \(status.instance), version \(status.version)", "", components.rendered(), ""]
    let agents = status.agents.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    lines.append("agents: \(agents.isEmpty ? "none" : agents.joined(separator: ", "))")
    if let audit = status.audit { lines.append("audit:  \(audit.size) records, root \(audit.rootHash)") }
    return lines.joined(separator: "\n")
  }
}
