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
  /// Host directory that the agent sees as /vault/secrets, when its Pod mounts one.
  package var secrets: String?
  /// Path of the network namespace; `nil` gives the sandbox a loopback interface and nothing else.
  package var networkNamespace: String?
  /// File that the agent's output is appended to.
  package var logFile: String
  /// Address of the DNS server that the agent asks; `nil` leaves the image's /etc/resolv.conf.
  package var resolver: String?
  /// File of the trace session; `nil` starts a sandbox that tells nobody what happens in it.
  package var traceConfiguration: String?
  /// Controls left out, for the throw-away sandboxes in which `lobstack verify` shows that an attack would work.
  package var weaknesses: Set<Weakness> = []
  /// Host directories shown to such a sandbox.
  package var extraMounts: [ExtraMount] = []

  package init(
    id: SandboxID, directory: String, pod: Pod, imageRoot: String, imageCommand: [String], imageEnv: [String: String],
    imageDirectory: String, workspace: String, secrets: String? = nil, networkNamespace: String?, logFile: String,
    resolver: String? = nil, traceConfiguration: String? = nil
  ) {
    self.id = id
    self.directory = directory
    self.pod = pod
    self.imageRoot = imageRoot
    self.imageCommand = imageCommand
    self.imageEnv = imageEnv
    self.imageDirectory = imageDirectory
    self.workspace = workspace
    self.secrets = secrets
    self.networkNamespace = networkNamespace
    self.logFile = logFile
    self.resolver = resolver
    self.traceConfiguration = traceConfiguration
  }

  /// What the sandbox sees in /etc of names: the platform's resolver, and its own name. Two tries of two seconds, since
  /// the resolver is on this machine (resolv.conf(5)).
  var networkFiles: [(name: String, text: String)] {
    guard let resolver else { return [] }
    let hostname = pod.spec.hostname
    return [
      ("resolv.conf", "nameserver \(resolver)\noptions timeout:2 attempts:2\n"),
      ("hosts", "127.0.0.1\tlocalhost \(hostname)\n"),
      ("hostname", "\(hostname)\n"),
    ]
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
