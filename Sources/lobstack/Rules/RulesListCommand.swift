import ArgumentParser
import Detection
import Sentinel

struct RulesListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the rules, in the order in which they are asked.")

  @Argument(
    help: "Rules files, or directories of them (default: the policy's).",
    completion: .file(extensions: ["yaml", "yml"]))
  var files: [String] = []

  @OptionGroup var format: OutputOptions

  func run() async throws {
    let paths = files.isEmpty ? [try RuleFiles.policyDirectory()] : files
    let rules = try RuleFiles.load(paths.flatMap(RuleDirectory.files)).rules
    let rows = rules.map {
      Row(
        name: $0.name, priority: "\($0.priority)", enabled: $0.isEnabled, source: "syscall", tags: $0.tags,
        description: $0.description, condition: $0.condition)
    }
    try format.print(rows) {
      var table = Table("PRIORITY", "RULE", "TAGS", "ENABLED")
      for row in rows { table.add(row.priority, row.name, row.tags.joined(separator: ","), row.enabled ? "yes" : "no") }
      return table.rendered()
    }
  }

  private struct Row: Encodable {
    var name: String
    var priority: String
    var enabled: Bool
    var source: String
    var tags: [String]
    var description: String
    var condition: String
  }
}
