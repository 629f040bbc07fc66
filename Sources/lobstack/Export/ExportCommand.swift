import APIClient
import APIModel
import AgentModel
import ArgumentParser
import Blueprint
import Faults
import Files
import Foundation
import KubernetesRendering

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the agents' documents, to take them to another platform or a cluster.",
    discussion: """
      What an agent is goes along, not what it has: values of secrets and workspaces stay. With --kubernetes the documents \
      are for a cluster's API.

        lobstack export --output agents
        lobstack export --kubernetes --values values.yaml | kubectl apply --server-side -f -
      """)

  @Option(help: "Only this tenant's agents.", transform: parseText)
  var tenant: TenantName?

  @Flag(help: "Write resources of a cluster that Lobstack's operator runs.")
  var kubernetes = false

  @Option(
    help: ArgumentHelp("With --kubernetes: the values that the cluster was rendered with, YAML.", valueName: "file"),
    completion: .file())
  var values: String?

  @Option(
    help: ArgumentHelp(
      "Directory to write to, as TENANT/NAME.yaml; without it everything goes to standard output.",
      valueName: "directory"), completion: .directory)
  var output: String?

  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if values != nil, !kubernetes {
      throw ValidationError("--values says where agents go on a cluster: add --kubernetes")
    }
  }

  func run() async throws {
    let cluster = try kubernetes ? Values(values.map(ValuesFile.text) ?? "", source: values ?? "values") : nil
    let tenant = tenant
    let agents = try await connection.withClient { try await $0.allAgents(tenant: tenant, phase: nil, search: nil) }
      .map { Agent(id: $0.id, labels: $0.metadata.labels, spec: $0.spec) }
    // All of them before anything is written: a tenant may have no namespace.
    let texts = try agents.map { agent in
      (id: agent.id, text: try AgentText(agent, for: try target(of: agent, cluster)).description)
    }
    for agent in agents { warn(of: agent) }
    guard let output else { return print(texts.map { "---\n\($0.text)" }.joined(), terminator: "") }
    for (id, text) in texts {
      let directory = "\(output)/\(id.tenant)"
      do { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) } catch {
        throw Fault(
          .failed, operation: "make \(directory)", reason: "the system refused it",
          remedy: "name a directory that can be written to", cause: error)
      }
      try writeAtomically(Data(text.utf8), to: "\(directory)/\(id.name).yaml", mode: 0o644)
    }
    tell("\(texts.count) agents are in \(output)")
  }

  private func target(of agent: Agent, _ cluster: Values?) throws -> AgentText.Target {
    guard let cluster else { return .machine }
    return .cluster(namespace: try cluster.namespace(of: agent.id, operation: "export agent \(agent.id)"))
  }

  private func warn(of agent: Agent) {
    let image = agent.spec.image
    if kubernetes, image.transport != .docker {
      tell(
        "agent \(agent.id): no cluster pulls \(image); push it (skopeo copy \(image) docker://…) and say so in 'image'")
    }
    let credentials = agent.spec.egress.compactMap { $0.credential?.secret }
    let secrets = Set(agent.spec.secrets + credentials).sorted().map(\.description)
    if !secrets.isEmpty {
      tell("agent \(agent.id): set the secrets \(secrets.joined(separator: ", ")) where it goes")
    }
  }
}
