/// The first frame of an exec: what to run in the agent's sandbox.
package struct ExecRequest: Sendable, Codable {
  package var command: [String]
  package var env: [String: String]
  /// The working directory; `nil` means the workspace.
  package var directory: String?

  package init(command: [String], env: [String: String] = [:], directory: String? = nil) {
    self.command = command
    self.env = env
    self.directory = directory
  }
}
