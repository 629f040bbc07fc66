import ArgumentParser
import Faults
import SecretStore
import Supervision

struct VaultStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show how the secrets manager does, its keys, and what is not as policy/vault says.",
    discussion: "Exit code 0 when it is ready and as the policy says, 1 when it is not, 3 when it does not answer.")

  @OptionGroup var vault: VaultOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let report = try await vault.manager().report()
    try format.print(report) { Self.table(report) }
    guard report.state == "ready", report.drift.isEmpty else { throw Degraded(code: 1) }
  }

  static func table(_ report: VaultReport) -> String {
    var facts = Table()
    facts.add("state", report.state)
    facts.add("version", "OpenBao \(report.version)")
    facts.add("address", report.address)
    facts.add("API", report.api)
    facts.add("seal", report.seal == "static" ? "by a key in a file" : report.seal)
    if report.state == "sealed" { facts.add("shares", "\(report.sharesGiven) of \(report.sharesNeeded) given") }
    for node in report.nodes { facts.add("node", "\(node.name), \(node.state), \(node.address)") }
    if report.state == "ready" {
      facts.add(
        "availability",
        report.failureTolerance > 0
          ? "goes on when \(report.failureTolerance) of \(report.nodes.count) nodes fail"
          : "no node may fail (\(report.nodes.count) in all)")
      facts.add("policy", report.drift.isEmpty ? "as policy/vault says" : "\(report.drift.count) parts differ")
    }
    var lines = [facts.rendered()]
    if !report.drift.isEmpty { lines += ["", "differs:"] + report.drift.map { "  \($0)" } }
    if !report.keys.isEmpty {
      var keys = Table("KEY", "TYPE", "VERSION", "ROTATED")
      for key in report.keys {
        keys.add(
          key.name, key.type, "\(key.version)", key.rotationDays > 0 ? "every \(key.rotationDays) days" : "by hand")
      }
      lines += ["", keys.rendered()]
    }
    return lines.joined(separator: "\n")
  }
}
