import ArgumentParser

struct VerificationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verification", abstract: "Read the recorded reports of 'lobstack verify'.",
    subcommands: [VerificationListCommand.self, VerificationShowCommand.self])
}
