import APIModel

extension AgentResource {
  /// Prints what the policies warn of, beside the output.
  func tellWarnings() { for warning in status.warnings ?? [] { tell("warning: \(warning)") } }
}
