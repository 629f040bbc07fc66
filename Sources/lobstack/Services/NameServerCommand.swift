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

  @OptionGroup var values: RenderedValuesOption

  @OptionGroup var kubeconfig: KubeconfigOptions

  @Option(help: ArgumentHelp("Where to answer over UDP and TCP, IPv4.", valueName: "address:port"))
  var listen = "0.0.0.0:5353"

  @OptionGroup var probes: ProbesOption

  @Option(help: "How to write the log.")
  var logFormat = LogFormat.text

  func validate() throws {
    if ListenAddress(listen).flatMap({ IPv4Address($0.host) }) == nil {
      throw ValidationError("--listen is not an IPv4 address and a port: '\(listen)'")
    }
  }

  func run() async throws {
    guard let place = ListenAddress(listen), let address = IPv4Address(place.host) else { throw ExitCode.failure }
    let logger = ServiceRun.logger("name-server", logFormat)
    let known = try values.read()
    let cluster = try kubeconfig.configuration()
    let client = try KubernetesClient(cluster, fieldManager: "lobstack-name-server", logger: logger)
    try await client.use {
      let service = try NameServerService(
        client,
        NameServerService.Settings(values: known, address: address, port: place.port, probes: probes.address),
        logger: logger, report: Self.write)
      try await ServiceRun.run("name server") { try await service.run() }
    }
  }

  /// Whoever reads it may be gone; agents are answered all the same, and the metrics count on.
  @Sendable private static func write(_ denial: DenialResource) {
    guard let line = try? APIJSON.encode(denial) else { return }
    try? FileHandle.standardOutput.write(contentsOf: Data(line + [UInt8(ascii: "\n")]))
  }
}
