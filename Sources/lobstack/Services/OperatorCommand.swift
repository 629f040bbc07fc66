import AgentModel
import ArgumentParser
import Blueprint
import Faults
import Foundation
import KubernetesAPI
import KubernetesRendering
import Operator
import Probes
import Supervision

struct OperatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operator", abstract: "Run the Agents of a Kubernetes cluster.",
    discussion: """
      Watches Agents (lobstack.dev/v1) in the tenants' namespaces and has their objects be as the documents say: policies
      first, the Pod last. Several may run: one leads, by a Lease. It asks the API server that kubectl would ask, or, in a
      Pod, its cluster's.

        lobstack render kubernetes --values values.yaml | kubectl apply -f -
        lobstack operator --values values.yaml
      """)

  @Option(
    help: ArgumentHelp("The values that the cluster was rendered with, YAML.", valueName: "file"), completion: .file())
  var values: String?

  @Option(
    help: ArgumentHelp(
      "Directory of the policy (default: the one that an instance starts with).", valueName: "directory"),
    completion: .directory)
  var policy: String?

  @Option(help: ArgumentHelp("Kubeconfig (default: as kubectl finds it).", valueName: "file"), completion: .file())
  var kubeconfig: String?

  @Option(help: "Context of the kubeconfig (default: its current one).")
  var context: String?

  @Option(help: "Namespace of the Lease (default: the control plane's).")
  var namespace: String?

  @Option(
    help: ArgumentHelp("Name of this process among those that may lead (default: the host's).", valueName: "name"))
  var identity: String?

  @Option(help: "Agents that are looked at at once.")
  var workers = 16

  @Option(
    help: ArgumentHelp("Where to answer /healthz, /readyz and /metrics, without TLS.", valueName: "address:port"))
  var probes: String?

  @Option(help: "How to write the log.")
  var logFormat = LogFormat.text

  func validate() throws {
    if !(1...256).contains(workers) { throw ValidationError("--workers is not between 1 and 256") }
    if let probes, ListenAddress(probes) == nil {
      throw ValidationError("--probes is not an address and a port: '\(probes)'")
    }
  }

  func run() async throws {
    let logger = ServiceRun.logger("operator", logFormat)
    let directory = try PolicySource.find(given: policy, executable: Platform.currentExecutable).directory
    let known = try Values(values.map(ValuesFile.text) ?? "", source: values ?? "values")
    let cluster = try KubernetesConfiguration.discover(
      kubeconfig: kubeconfig, context: context, environment: ProcessInfo.processInfo.environment)
    // What fails for long is the queue's to try again: others wait for the same hands.
    let client = try KubernetesClient(
      cluster, fieldManager: OperatorService.fieldManager, patience: .seconds(5), logger: logger)
    let lease = try KubernetesClient(cluster, fieldManager: OperatorService.fieldManager, logger: logger)
    // One that is started again is another candidate than before.
    let name = "\(identity ?? ProcessInfo.processInfo.hostName)_\(AgentUID.random())"
    let service = OperatorService(
      client, lease: lease,
      OperatorService.Settings(
        values: known, policy: try Policy.load(directory: directory), gateway: .envoy,
        namespace: namespace ?? known.namespaces.controlPlane, identity: name, workers: workers,
        probes: probes.flatMap(ListenAddress.init).map { ProbeServer.Address(host: $0.host, port: Int($0.port)) }),
      logger: logger)
    let result: Result<Void, any Error>
    do { result = .success(try await ServiceRun.run("operator") { try await service.run() }) } catch {
      result = .failure(error)
    }
    for client in [client, lease] { try? await client.shutdown() }  // a failure before is the one to tell
    try result.get()
  }
}
