import ArgumentParser
import Faults
import Foundation

@main struct Lobstack: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lobstack",
    abstract: "Hosts AI agents that nobody should have to trust.",
    discussion: """
      Start with 'sudo lobstack doctor' and 'sudo lobstack up --detach', then create an agent:

        lobstack agent create demo --image oci:/srv/images/demo:1 --wait

      Exit codes: 0 ok, 1 failed or denied, 2 usage, 3 not available.
      """,
    subcommands: [
      UpCommand.self, DownCommand.self, StatusCommand.self, DoctorCommand.self, VerifyCommand.self,
      VerificationCommand.self, ReportCommand.self,
      AgentCommand.self,
      SecretCommand.self, VaultCommand.self, CACommand.self, RulesCommand.self, AlertsCommand.self, DenialsCommand.self,
      AdmissionCommand.self, AuditCommand.self, TokenCommand.self,
      BackupCommand.self, RestoreCommand.self, ExportCommand.self, RenderCommand.self, VersionCommand.self,
      CompletionCommand.self,
      ControlPlaneCommand.self, ControlPlaneCopyCommand.self, ClusterControlPlaneCommand.self,
      ClusterRecorderCommand.self,
      NodeCommand.self,
      OperatorCommand.self, AwaitIsolationCommand.self, NameServerCommand.self, SentinelCommand.self,
      ClusterSentinelCommand.self, ProbeCommand.self,
    ])

  /// Runs the command that the arguments name; every failure leaves through one door, with its exit code.
  static func main() async {
    do {
      var command = try parseAsRoot()
      try (command as? SentinelCommand)?.open()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      Failure(error).leave(arguments: CommandLine.arguments)
    }
  }
}
