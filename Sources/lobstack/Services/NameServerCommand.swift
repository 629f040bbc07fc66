import APIModel
import AgentModel
import ArgumentParser
import ClusterNames
import Faults
import Foundation
import KubernetesAPI
import KubernetesRendering
import Probes

struct NameServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "name-server", abstract: "Answer the DNS queries of a Kubernetes cluster's agents.",
    discussion: """
      Watches the tenants' Agents, their Pods and their gateways' Services. To a Pod of an agent each name that its
      document opens has the address of its gateway, and no other name exists; whoever is no agent is refused. Several may
      run. Queries that were refused are written to standard output, a line of JSON each.

        lobstack name-server --values values.yaml --listen 0.0.0.0:5353
      """)

  @Option(
    help: ArgumentHelp("The values that the cluster was rendered with, YAML.", valueName: "file"), completion: .file())
  var values: String?

  @Option(help: ArgumentHelp("Kubeconfig (default: as kubectl finds it).", valueName: "file"), completion: .file())
  var kubeconfig: String?

  @Option(help: "Context of the kubeconfig (default: its current one).")
  var context: String?

  @Option(help: ArgumentHelp("Where to answer over UDP and TCP, IPv4.", valueName: "address:port"))
  var listen = "0.0.0.0:5353"

  @Option(
    help: ArgumentHelp("Where to answer /healthz, /readyz and /metrics, without TLS.", valueName: "address:port"))
  var probes: String?

  @Option(help: "How to write the log.")
  var logFormat = LogFormat.text

  func validate() throws {
    if ListenAddress(listen).flatMap({ IPv4Address($0.host) }) == nil {
      throw ValidationError("--listen is not an IPv4 address and a port: '\(listen)'")
    }
    if let probes, ListenAddress(probes) == nil {
      throw ValidationError("--probes is not an address and a port: '\(probes)'")
    }
  }

  func run() async throws {
    guard let place = ListenAddress(listen), let address = IPv4Address(place.host) else { throw ExitCode.failure }
    let logger = ServiceRun.logger("name-server", logFormat)
    let known = try Values(values.map(ValuesFile.text) ?? "", source: values ?? "values")
    let cluster = try KubernetesConfiguration.discover(
      kubeconfig: kubeconfig, context: context, environment: ProcessInfo.processInfo.environment)
    let client = try KubernetesClient(cluster, fieldManager: "lobstack-name-server", logger: logger)
    let result: Result<Void, any Error>
    do {
      let service = try NameServerService(
        client,
        NameServerService.Settings(
          values: known, address: address, port: place.port,
          probes: probes.flatMap(ListenAddress.init).map { ProbeServer.Address(host: $0.host, port: Int($0.port)) }),
        logger: logger, report: Self.write)
      result = .success(try await ServiceRun.run("name server") { try await service.run() })
    } catch { result = .failure(error) }
    try? await client.shutdown()  // a failure before is the one to tell
    try result.get()
  }

  /// Whoever reads it may be gone; agents are answered all the same, and the metrics count on.
  @Sendable private static func write(_ denial: DenialResource) {
    guard let line = try? APIJSON.encode(denial) else { return }
    try? FileHandle.standardOutput.write(contentsOf: Data(line + [UInt8(ascii: "\n")]))
  }
}
