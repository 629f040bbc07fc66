import AgentModel
import ArgumentParser
import ControlPlane
import Foundation
import KubernetesAPI
import KubernetesRendering
import Probes
import ServerCertificates

struct ClusterControlPlaneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster-control-plane", abstract: "Serve the API and the dashboard of a Kubernetes cluster.",
    discussion: """
      The same API as on one machine, with the cluster's own as its store. Callers show tokens of the cluster, for the
      audience 'lobstack', and may do with Agents what the cluster's RBAC says. It keeps nothing: run as many as you like.
      Who asked for what is told on standard output, one line of JSON each, and kept by the recorder, if there is one;
      what neither takes is not done.

        lobstack cluster-control-plane --values values.yaml --cert tls.crt --key tls.key
        lobstack agent list --address https://control-plane.example.org \\
          --token "$(kubectl create token ci --audience lobstack)"
      """)

  @OptionGroup var values: RenderedValuesOption

  @OptionGroup var kubeconfig: KubeconfigOptions

  @Option(help: ArgumentHelp("Where to listen.", valueName: "address:port"), transform: parseText)
  var listen: ListenAddress

  @Option(
    help: ArgumentHelp("The certificate's chain, PEM; read again when it changes.", valueName: "file"),
    completion: .file())
  var cert: String?

  @Option(help: ArgumentHelp("The certificate's key, PEM.", valueName: "file"), completion: .file())
  var key: String?

  @Flag(help: "Speak no TLS: a proxy of a mesh does, in the same Pod.")
  var behindMesh = false

  @OptionGroup var probes: ProbesOption

  @Option(help: "An audience for which tokens count; repeat it for more (default: lobstack).")
  var audience: [String] = []

  @Option(
    help: ArgumentHelp(
      "File with 32 secret bytes or more, the same for all replicas; where it is not there nobody logs in to the dashboard.",
      valueName: "file"), completion: .file())
  var sessionKey: String?

  @OptionGroup var recorder: RecorderOptions

  @Option(help: "How to write the log.")
  var logFormat = LogFormat.text

  func validate() throws {
    if (cert == nil) != (key == nil) { throw ValidationError("--cert and --key go together") }
    if cert == nil, !behindMesh {
      throw ValidationError("give --cert and --key, or say --behind-mesh: a token must not travel in the clear")
    }
    if cert != nil, behindMesh { throw ValidationError("--behind-mesh serves without TLS: leave out --cert and --key") }
    if audience.contains("") { throw ValidationError("--audience is empty") }
  }

  func run() async throws {
    let logger = ServiceRun.logger("control-plane", logFormat, metadata: RequestScope.metadata)
    let known = try values.read()
    let cluster = try kubeconfig.configuration()
    let client = try KubernetesClient(
      cluster, fieldManager: ClusterControlPlane.fieldManager, patience: ClusterControlPlane.patience, logger: logger)
    let settings = ClusterControlPlane.Settings(
      listen: listen,
      certificate: cert.flatMap { cert in key.map { ServingCertificate.Source(certificate: cert, key: $0) } },
      probes: probes.address,
      audiences: audience.isEmpty ? ["lobstack"] : audience,
      values: known, sessionKey: sessionKey, recorder: recorder.settings)
    try await client.use {
      let service = try ClusterControlPlane(client, settings, logger: logger)
      try await ServiceRun.run("control-plane") { try await service.run() }
    }
  }
}
