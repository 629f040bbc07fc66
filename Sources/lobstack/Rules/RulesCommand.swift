import ArgumentParser

struct RulesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules", abstract: "Check, list and test the rules of runtime detection.",
    discussion: "The rules are Falco's (falco.org/docs/concepts/rules), as of engine version 0.63.",
    subcommands: [RulesCheckCommand.self, RulesListCommand.self, RulesFieldsCommand.self, RulesTestCommand.self])
}
