import AgentModel
import ArgumentParser
import Faults
import Foundation
import Glibc
import KubernetesAPI
import KubernetesRendering
import Probes
import Sentinel
import Supervision

struct ClusterSentinelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster-sentinel", abstract: "Watch the agents' sandboxes on a node of a Kubernetes cluster.",
    discussion: """
      Listens where gVisor tells of the node's sandboxes, matches what they do by the rules, and writes a line of Falco's
      JSON for each alert to standard output. What an Agent's 'response' asks for it has the API server do. Its DaemonSet
      is part of what 'lobstack render kubernetes' writes.

        lobstack cluster-sentinel --node "$NODE" --probes 0.0.0.0:8081
      """)

  @Option(help: "Name of the node, as the cluster knows it.")
  var node: String

  @Option(
    help: ArgumentHelp("Where gVisor tells of sandboxes, as the node's pod-init-config says.", valueName: "path"),
    completion: .file())
  var socket = "/run/lobstack/trace.sock"

  @Option(
    help: ArgumentHelp(
      "Directory of the rules (default: policy/falco of the policy that an instance starts with).",
      valueName: "directory"), completion: .directory)
  var rules: String?

  @Option(help: "Namespace of the tenant 'default'; those of other tenants have their name behind it.")
  var agentsNamespace = Values().namespaces.agents

  @Option(
    help: ArgumentHelp(
      "Image of the container that holds agents' Pods back; what it does is no event.", valueName: "image"))
  var platformImage = Values().images.lobstack

  @OptionGroup var kubeconfig: KubeconfigOptions

  @OptionGroup var probes: ProbesOption

  @OptionGroup var forwarding: AlertForwardingOptions

  @OptionGroup var recorder: RecorderOptions

  @Option(help: "How to write the log, to standard error.")
  var logFormat = LogFormat.text

  func validate() throws {
    if node.isEmpty { throw ValidationError("--node is empty: name the node") }
  }

  func run() async throws {
    let logger = ServiceRun.logger("cluster-sentinel", logFormat)
    let directory =
      try rules ?? PolicySource.find(given: nil, executable: Platform.currentExecutable).directory + "/falco"
    let cluster = try kubeconfig.configuration()
    // What fails for longer is tried again by whoever wants it done.
    let client = try KubernetesClient(
      cluster, fieldManager: ClusterSentinelService.fieldManager, patience: .seconds(5), logger: logger)
    try await client.use {
      let service = try ClusterSentinelService(
        client,
        ClusterSentinelService.Settings(
          socket: socket, node: node, rules: directory, agentsNamespace: agentsNamespace,
          platformImage: platformImage, probes: probes.address, forwarding: forwarding.settings,
          recorder: recorder.settings),
        logger: logger, write: Self.write)
      try await ServiceRun.run("cluster-sentinel") { try await service.run() }
    }
  }

  /// To standard output, whole.
  @Sendable private static func write(_ line: [UInt8]) {
    var rest = line[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      // Nobody reads: the forwarders and the Events have it.
      guard count > 0 || errno == EINTR else { return }
      rest = rest.dropFirst(max(0, count))
    }
  }
}
