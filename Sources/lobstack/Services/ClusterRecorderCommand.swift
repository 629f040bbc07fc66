import AgentModel
import ArgumentParser
import ControlPlane
import KubernetesAPI
import KubernetesRendering
import Probes
import ServerCertificates

struct ClusterRecorderCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster-recorder", abstract: "Keep the audit log and the alerts of a Kubernetes cluster.",
    discussion: """
      One process on one volume. Control planes append to the audit log, a Merkle tree as on one machine, before they do
      anything, and sentinels report alerts; both show tokens of their service accounts for the audience
      'lobstack-recorder'. While it is away nothing is changed. Its StatefulSet is part of what 'lobstack render
      kubernetes' writes.

        lobstack cluster-recorder --values values.yaml --directory /var/lib/lobstack --cert tls.crt --key tls.key \\
          --listen 0.0.0.0:8443
      """)

  @OptionGroup var values: RenderedValuesOption

  @Option(
    help: ArgumentHelp("Where the log and the alerts lie; a directory that is there.", valueName: "directory"),
    completion: .directory)
  var directory: String

  @Option(
    help: ArgumentHelp(
      "Directory on another volume: records that are older than --archive-after go into segments there.",
      valueName: "directory"), completion: .directory)
  var archive: String?

  @Option(
    help: ArgumentHelp("How old: 90d, 12h.", valueName: "age"),
    transform: { text in
      guard let seconds = TimeSpan.seconds(text), seconds > 0 else {
        throw ValidationError("'\(text)' is no age such as 90d or 12h")
      }
      return .seconds(seconds)
    })
  var archiveAfter: Duration?

  @OptionGroup var witness: AuditWitnessOptions

  @OptionGroup var kubeconfig: KubeconfigOptions

  @Option(help: ArgumentHelp("Where to listen.", valueName: "address:port"), transform: parseText)
  var listen: ListenAddress

  @Option(
    help: ArgumentHelp("The certificate's chain, PEM; read again when it changes.", valueName: "file"),
    completion: .file())
  var cert: String

  @Option(help: ArgumentHelp("The certificate's key, PEM.", valueName: "file"), completion: .file())
  var key: String

  @OptionGroup var probes: ProbesOption

  @Option(help: "How to write the log, to standard error.")
  var logFormat = LogFormat.text

  func validate() throws {
    guard (archive == nil) == (archiveAfter == nil) else {
      throw ValidationError("--archive and --archive-after go together")
    }
  }

  func run() async throws {
    let logger = ServiceRun.logger("cluster-recorder", logFormat, metadata: RequestScope.metadata)
    let known = try values.read()
    let client = try KubernetesClient(
      try kubeconfig.configuration(), fieldManager: ClusterRecorder.fieldManager,
      patience: ClusterControlPlane.patience, logger: logger)
    var settings = ClusterRecorder.Settings(
      listen: listen, certificate: ServingCertificate.Source(certificate: cert, key: key), probes: probes.address,
      directory: directory,
      accounts: ClusterRecorder.Accounts(
        controlPlane: known.serviceAccount("control-plane", in: known.namespaces.controlPlane),
        sentinel: known.serviceAccount("sentinel", in: known.namespaces.sentinel)),
      namespaces: Dictionary(uniqueKeysWithValues: known.tenants.keys.map { ($0, known.namespace(of: $0)) }))
    if let archive, let archiveAfter {
      settings.archive = ClusterRecorder.Archive(directory: archive, age: archiveAfter)
    }
    settings.witness = witness.settings
    let wanted = settings
    try await client.use {
      let service = ClusterRecorder(client, wanted, logger: logger)
      try await ServiceRun.run("cluster-recorder") { try await service.run() }
    }
  }
}
