import Documents

/// Everything that a sandbox is made from.
package struct SandboxBundle: Sendable {
  package var id: SandboxID
  /// Where config.json and the runtime's own logs go.
  package var directory: String
  package var pod: Pod
  package var imageRoot: String
  package var imageCommand: [String]
  package var imageEnv: [String: String]
  package var imageDirectory: String
  /// Host directory that the agent sees as /workspace.
  package var workspace: String
  /// Path of the network namespace; `nil` gives the sandbox a loopback interface and nothing else.
  package var networkNamespace: String?
  /// File that the agent's output is appended to.
  package var logFile: String
  /// Controls left out, for the throw-away sandboxes in which `lobstack verify` shows that an attack would work.
  package var weaknesses: Set<Weakness> = []
  /// Host directories shown to such a sandbox.
  package var extraMounts: [ExtraMount] = []

  package init(
    id: SandboxID, directory: String, pod: Pod, imageRoot: String, imageCommand: [String], imageEnv: [String: String],
    imageDirectory: String, workspace: String, networkNamespace: String?, logFile: String
  ) {
    self.id = id
    self.directory = directory
    self.pod = pod
    self.imageRoot = imageRoot
    self.imageCommand = imageCommand
    self.imageEnv = imageEnv
    self.imageDirectory = imageDirectory
    self.workspace = workspace
    self.networkNamespace = networkNamespace
    self.logFile = logFile
  }

  package enum Weakness: Sendable, Hashable {
    case runAsRoot, allCapabilities, writableRoot, noLimits, noSeccomp, rawSockets
  }

  package struct ExtraMount: Sendable, Hashable {
    package var source: String
    package var destination: String

    package init(source: String, destination: String) {
      self.source = source
      self.destination = destination
    }
  }
}
