import ArgumentParser

struct AdmissionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "admission", abstract: "Ask and test the policies that decide what may be created.",
    discussion: """
      The policies are OPA Gatekeeper's: ConstraintTemplates in Rego, and constraints that put them to use
      (open-policy-agent.github.io/gatekeeper). The same files are enforced here and on Kubernetes.
      """,
    subcommands: [
      AdmissionReviewCommand.self, AdmissionTestCommand.self, AdmissionAuditCommand.self,
      AdmissionServeCommand.self,
    ])
}
