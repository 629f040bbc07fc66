import AgentModel
import ArgumentParser
import Blueprint
import Faults
import Foundation
import KubernetesRendering
import Manifests
import Supervision

struct RenderKubernetesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kubernetes", abstract: "Write the platform, and agents, as manifests for a Kubernetes cluster.",
    discussion: """
      The same values and policy give the same files. With --output, files of an earlier rendering that are no longer \
      rendered are removed; whatever else lies in the directory stays.

        lobstack render kubernetes --values values.yaml -f agent.yaml --output deploy
        kubectl apply --server-side -k deploy
        kubectl apply --server-side -k deploy/constraints
      """)

  @Option(
    help: ArgumentHelp("What differs from cluster to cluster, YAML; '-' reads standard input.", valueName: "file"),
    completion: .file())
  var values: String?

  @Option(
    name: [.customShort("f"), .customLong("file")],
    help: ArgumentHelp("Agent document, YAML or JSON; repeat it for more agents.", valueName: "file"),
    completion: .file())
  var agents: [String] = []

  @Flag(help: "Write each agent's Pod as a Sandbox of kubernetes-sigs/agent-sandbox.")
  var sandboxes = false

  @Option(
    name: .customLong("own-secret"),
    help: ArgumentHelp(
      "A secret that is set for the agents themselves, not for their tenant; repeat it for more.", valueName: "name"))
  var ownSecrets: [String] = []

  @Option(
    help: ArgumentHelp("Directory to write to; without it everything goes to standard output.", valueName: "directory"),
    completion: .directory)
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Directory of the policy (default: the one that an instance starts with).", valueName: "directory"),
    completion: .directory)
  var policy: String?

  func run() throws {
    let directory = try PolicySource.find(given: policy, executable: Platform.currentExecutable).directory
    let text = try self.values.map(ValuesFile.text) ?? ""
    let values = try Values(text, source: self.values ?? "values")
    let rules = try Policy.load(directory: directory)
    var manifests = try PlatformManifests(
      values: values, valuesText: text, texts: PolicyTexts(directory: directory), rules: rules, agentIngress: .envoy)
    manifests.files += try agentFiles(values, rules)
    guard let output else {
      for file in manifests.files where file.isApplied { print(try file.text(), terminator: "") }
      return
    }
    let count = try RenderedDirectory(path: output).write(manifests.withKustomization())
    tell("\(count) files are in \(output); apply them with: kubectl apply --server-side -k \(output)")
    if let constraints = manifests.constraints {
      tell("when Gatekeeper has read their templates, also: kubectl apply --server-side -k \(output)/\(constraints)")
    }
  }

  mutating func validate() throws {
    for name in ownSecrets where SecretName(name) == nil {
      throw ValidationError("--own-secret '\(name)' is not \(SecretName.rule)")
    }
    if agents.isEmpty, sandboxes || !ownSecrets.isEmpty {
      throw ValidationError("--sandboxes and --own-secret are about agents: name their documents with -f")
    }
  }

  private func agentFiles(_ values: Values, _ rules: Policy) throws -> [ManifestFile] {
    var options = AgentManifests.Options()
    options.usesSandboxes = sandboxes
    options.ownSecrets = Set(ownSecrets.compactMap(SecretName.init))
    var seen: Set<AgentID> = []
    return try agents.map { path in
      let agent = try parseAgent(NamedFile.text(of: path, longest: Manifest.longestText), source: path)
      guard seen.insert(agent.id).inserted else {
        throw Fault(
          .conflict, operation: "render agent \(agent.id)", reason: "\(path) is its second document",
          remedy: "name each agent once")
      }
      return try AgentManifests(
        agent, values: values, policy: rules, now: Date(), options: options, gateway: .envoy
      ).file
    }
  }
}
