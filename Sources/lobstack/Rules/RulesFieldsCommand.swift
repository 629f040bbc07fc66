import ArgumentParser
import Detection
import GuestTrace

struct RulesFieldsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fields", abstract: "List the fields that rules may name, and where their values come from.",
    discussion: "Fields of Falco that gVisor cannot give are listed too: rules with them load, and never match.")

  @Flag(help: "Only fields that have values here.")
  var supported = false

  @OptionGroup var format: OutputOptions

  func run() async throws {
    let rows = FieldTable.definitions.filter { !$0.isHidden }.map { definition in
      let field = GuestField(named: definition.name)
      return Row(
        name: definition.name, type: definition.type.rawValue, list: definition.isList,
        argument: definition.argument == .none ? "none" : definition.argument == .optional ? "optional" : "required",
        supported: field != nil, origin: field?.origin ?? "not told by gVisor", deprecated: definition.isDeprecated)
    }.filter { $0.supported || !supported }
    try format.print(rows) {
      var table = Table("FIELD", "TYPE", "ARGUMENT", "FROM")
      for row in rows { table.add(row.name, row.type, row.argument, row.supported ? row.origin : "- \(row.origin)") }
      return table.rendered()
    }
  }

  private struct Row: Encodable {
    var name: String
    var type: String
    var list: Bool
    var argument: String
    var supported: Bool
    var origin: String
    var deprecated: Bool
  }
}
