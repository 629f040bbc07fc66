import ArgumentParser

struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Report on the platform to others.", subcommands: [ReportSOC2Command.self])
}
