import AgentModel
import Blueprint
import ChildProcess
import Documents
import Faults
import Foundation
import Glibc
import Sandbox

/// Sandboxes of our own with controls left out: where an attack has to work. The platform's API cannot make them.
struct ThrowAwaySandboxes: Sendable {
  private let site: ProbeSite
  private let runtime: SandboxRuntime
  private let runtimeRoot: String
  private let policy: Policy

  static func open(site: ProbeSite) async throws -> ThrowAwaySandboxes {
    let root = "\(site.directory)/runsc"
    let policy = site.platform.policyDirectory
    try await site.ledger.record(.networkNamespace(ControlNamespace(of: site.instance).name))
    let runtime = try await SandboxRuntime.open(
      SandboxRuntime.Configuration(
        executable: site.programs.runtime, rootDirectory: root, seccompDirectory: "\(policy)/seccomp",
        instance: site.instance))
    try await site.ledger.record(.cgroup("/lobstack-\(site.instance)"))
    return ThrowAwaySandboxes(
      site: site, runtime: runtime, runtimeRoot: root, policy: try Policy.load(directory: policy))
  }

  struct Recipe: Sendable {
    var name: String
    var weaknesses: Set<SandboxBundle.Weakness>
    var extraMounts: [SandboxBundle.ExtraMount] = []
    /// Processes that the guest may have; `nil` takes the tier's.
    var processes: Int?
    var imageRoot: String
    var network: BareNetwork
    /// Scripts run as root with every capability.
    var runsScriptsAsRoot = false
  }

  /// Makes and starts one.
  func make(_ recipe: Recipe) async throws -> Target {
    let uid = AgentUID.random()
    let id = SandboxID(instance: site.instance, uid: uid)
    let directory = "\(site.directory)/\(recipe.name)"
    let workspace = "\(directory)/workspace"
    for path in [directory, workspace] { try makeDirectory(path, mode: 0o700) }
    let user = InstanceLayout.agentUserID
    guard chown(workspace, user, user) == 0 else { throw networkFailure("give \(workspace) to the agents' user") }
    let canary = randomText()
    var bundle = SandboxBundle(
      id: id, directory: directory, pod: try pod(recipe, canary: canary), imageRoot: recipe.imageRoot,
      imageCommand: [], imageEnv: [:], imageDirectory: "/workspace", workspace: workspace,
      networkNamespace: recipe.network.namespacePath, logFile: "\(directory)/output.log")
    bundle.weaknesses = recipe.weaknesses
    bundle.extraMounts = recipe.extraMounts
    try await site.ledger.record(.cgroup(id.cgroup))
    try await site.ledger.record(
      .sandbox(runtimeRoot: runtimeRoot, id: id.description, runtime: site.programs.runtime))
    let process = try await runtime.run(bundle)
    return Target(
      name: "a throw-away sandbox", workspace: workspace, imageDirectories: [recipe.imageRoot],
      network: TargetNetwork(recipe.network), canary: canary, process: { process },
      run: { script, limit in try await run(script, limit, id: id, asRoot: recipe.runsScriptsAsRoot) })
  }

  private func pod(_ recipe: Recipe, canary: String) throws -> Pod {
    guard let name = AgentName(recipe.name), let image = ImageReference("dir:\(recipe.imageRoot)") else {
      throw Fault(
        .invalid, operation: "make sandbox \(recipe.name)", reason: "\(recipe.imageRoot) is no image",
        remedy: "use a plain --state-dir")
    }
    let agent = Agent(
      id: AgentID(tenant: .default, name: name),
      spec: AgentSpec(image: image, command: ProbeProgram.command(), env: ["PROBE_CANARY": canary]))
    var pod = Blueprint(agent: agent, policy: policy).pod
    if let processes = recipe.processes { pod.metadata.annotations?[processLimitAnnotation] = "\(processes)" }
    return pod
  }

  private func run(_ script: String, _ limit: Duration, id: SandboxID, asRoot: Bool) async throws -> ScriptResult {
    let exec = runtime.execCommand(id, command: ["/bin/bash", "-c", script], env: ["PATH": "/bin"], directory: nil)
    var arguments = exec.arguments
    let user = "\(InstanceLayout.agentUserID):\(InstanceLayout.agentUserID)"
    if asRoot, let place = arguments.firstIndex(of: user) {
      // The driver runs everything as the agents' user, and has no other way on purpose.
      let capabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "MKNOD", "NET_RAW", "SETUID", "SETGID", "SYS_ADMIN"]
      arguments.replaceSubrange(place...place, with: ["0:0"] + capabilities.flatMap { ["-cap", "CAP_\($0)"] })
    }
    let result = try await Command(exec.executable, arguments).run(timeout: limit)
    return ScriptResult(code: result.status.code, output: result.standardOutput + result.standardError)
  }
}

extension TargetNetwork {
  init(_ network: BareNetwork) {
    self.init(
      namespace: network.namespace, interface: network.interface, innerInterface: "eth0",
      hostAddress: network.hostAddress, address: network.address)
  }
}

/// A value that nobody can guess and that no other run has: 128 random bits.
func randomText() -> String {
  let halves = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }
  return "canary-" + halves.map { String(repeating: "0", count: 16 - $0.count) + $0 }.joined()
}
