import APIClient
import APIModel
import ArgumentParser

struct AdmissionAuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "List the agents that exist against a policy, and the policies in force.",
    discussion: "Agents are asked about when policies change, and every ten minutes.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let found = try await connection.withClient { try await $0.admission() }
    try format.print(found) {
      var lines: [String] = []
      if !found.violations.isEmpty {
        var table = Table("AGENT", "ACTION", "CONSTRAINT", "MESSAGE")
        for violation in found.violations {
          table.add("\(violation.agent)", violation.action, violation.constraint, violation.message)
        }
        lines.append(table.rendered())
      }
      lines += found.faults.map { "BROKEN \($0)" }
      let policies = found.version.map { "policies \($0), \(found.constraints.count) constraints" } ?? "no policies"
      let time = found.auditedAt.map { ", agents asked about \($0.age) ago" } ?? ""
      lines.append("\(policies)\(time), \(found.violations.count) violations")
      return lines.joined(separator: "\n")
    }
  }
}
