import ArgumentParser

struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Create, look at and end agents.",
    subcommands: [
      AgentCreateCommand.self, AgentApplyCommand.self, AgentListCommand.self, AgentGetCommand.self,
      AgentUsageCommand.self, AgentLogsCommand.self,
      AgentExecCommand.self, AgentStartCommand.self, AgentStopCommand.self, AgentRespondCommand.self,
      AgentDeleteCommand.self,
    ])
}
