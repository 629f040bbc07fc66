import APIModel
import AgentModel
import ArgumentParser
import ControlPlane
import Storage

struct ControlPlaneCopyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "control-plane-copy",
    abstract: "Copy what the control plane keeps, as user lobstack ('backup' does it).", shouldDisplay: false)

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var format: OutputOptions

  @Option(help: "Empty directory that gets the copy.")
  var into: String?

  @Option(help: "What the audit log of a platform that is down is to tell, as JSON.")
  var note: String?

  func run() async throws {
    let copy = ControlPlaneCopy(try instance.layout())
    if let note {
      let receipt = try await copy.record(try APIJSON.decode(BackupNote.self, from: note.utf8))
      try format.print(receipt) { "audit record \(receipt.auditIndex)" }
    }
    if let into {
      let result = try copy.make(in: into)
      try format.print(result) { "copied \(result.agents.count) agents and \(result.audit.size) audit records" }
    }
  }
}
