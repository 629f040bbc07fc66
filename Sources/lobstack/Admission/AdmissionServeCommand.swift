import AdmissionWebhook
import AgentModel
import ArgumentParser
import Faults

struct AdmissionServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Answer the API server of a Kubernetes cluster as a validating webhook.",
    discussion: """
      Takes AdmissionReviews (admission.k8s.io/v1) at /v1/admit, over TLS 1.3. /healthz says that it lives, /readyz that
      its policies are whole, /metrics what it decided. Certificate, key and policies are read again when they change;
      while policies are broken everything is refused. Register it with failurePolicy: Fail.

      A constraint with a namespaceSelector cannot be asked here: the webhook does not know the cluster's Namespaces, and
      refuses. Select namespaces in the webhook's own configuration, or use Gatekeeper.
      """)

  @Option(help: ArgumentHelp("Where to listen.", valueName: "address:port"))
  var listen = "0.0.0.0:8443"

  @Option(
    help: ArgumentHelp(
      "Where to answer /healthz, /readyz and /metrics without TLS, too, for who has no certificate.",
      valueName: "address:port"))
  var probes: String?

  @Option(help: ArgumentHelp("The certificate's chain, PEM.", valueName: "file"), completion: .file())
  var cert: String

  @Option(help: ArgumentHelp("The certificate's key, PEM.", valueName: "file"), completion: .file())
  var key: String

  @Option(
    help: ArgumentHelp(
      "Authorities whose certificates clients have to show, PEM (default: clients need none).", valueName: "file"),
    completion: .file())
  var clientCA: String?

  @Option(help: "Longest time for a decision, in seconds; less than the API server waits.")
  var timeout = 2.5

  @OptionGroup var policy: PolicyOption

  func run() async throws {
    let address = try Self.address(listen, of: "--listen")
    let service = try WebhookService(
      WebhookSettings(
        address: address, probes: try probes.map { try Self.address($0, of: "--probes") }, certificate: cert,
        key: key, clientAuthorities: clientCA, policyDirectory: try policy.directory(), timeout: .seconds(timeout)),
      logger: ServiceRun.logger("admission"))
    try await ServiceRun.run("admission webhook") {
      try await service.run { _ in
        tell("answers at https://\(address)\(WebhookService.path)")
      }
    }
  }

  private static func address(_ text: String, of option: String) throws -> ListenAddress {
    guard let address = ListenAddress(text) else {
      throw ValidationError("\(option) is not an address and a port: '\(text)'")
    }
    return address
  }

  mutating func validate() throws {
    _ = try Self.address(listen, of: "--listen")
    if let probes { _ = try Self.address(probes, of: "--probes") }
    if !(0.05...30).contains(timeout) { throw ValidationError("--timeout is not between 0.05 and 30 seconds") }
  }
}
