import AgentModel
import ArgumentParser
import Blueprint
import Faults
import Foundation
import KubernetesAPI
import KubernetesRendering
import Operator
import Probes
import SecretStore
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

  @OptionGroup var values: RenderedValuesOption

  @Option(
    help: ArgumentHelp(
      "Directory of the policy (default: the one that an instance starts with).", valueName: "directory"),
    completion: .directory)
  var policy: String?

  @OptionGroup var kubeconfig: KubeconfigOptions

  @Option(
    help: ArgumentHelp(
      """
      Make agents that have secrets known to this OpenBao, by their service accounts: https://HOST:PORT, several nodes \
      with commas (default: somebody else does).
      """, valueName: "urls"))
  var vaultAddr: String?

  @Option(
    help: ArgumentHelp("PEM file of the authorities that vouch for it (default: the system's).", valueName: "file"),
    completion: .file())
  var vaultCa: String?

  @Option(
    help: ArgumentHelp(
      "File of a token of the operator's service account for the audience 'openbao'.", valueName: "file"),
    completion: .file())
  var vaultAccountToken = "/var/run/secrets/openbao/token"

  @Option(help: "Namespace of the Lease (default: the control plane's).")
  var namespace: String?

  @Option(
    help: ArgumentHelp("Name of this process among those that may lead (default: the host's).", valueName: "name"))
  var identity: String?

  @Option(help: "Agents that are looked at at once.")
  var workers = 16

  @OptionGroup var probes: ProbesOption

  @Option(help: "How to write the log.")
  var logFormat = LogFormat.text

  func validate() throws {
    if let vaultAddr { _ = try VaultAddress(urls: vaultAddr) }
    if vaultAddr == nil, vaultCa != nil { throw ValidationError("--vault-ca is for --vault-addr: give that too") }
    if !(1...256).contains(workers) { throw ValidationError("--workers is not between 1 and 256") }
  }

  func run() async throws {
    let logger = ServiceRun.logger("operator", logFormat)
    let directory = try PolicySource.find(given: policy, executable: Platform.currentExecutable).directory
    let known = try values.read()
    let cluster = try kubeconfig.configuration()
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
        secretsManager: vaultAddr.map {
          SecretsManager(urls: $0, authority: vaultCa, accountToken: vaultAccountToken)
        },
        namespace: namespace ?? known.namespaces.controlPlane, identity: name, workers: workers,
        probes: probes.address),
      logger: logger)
    try await client.use {
      try await lease.use { try await ServiceRun.run("operator") { try await service.run() } }
    }
  }
}
