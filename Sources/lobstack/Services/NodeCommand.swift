import AgentModel
import ArgumentParser
import Blueprint
import Faults
import Node

struct NodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node", abstract: "Run the node, the platform's only root process ('up' does it).",
    shouldDisplay: false)

  @OptionGroup var instance: InstanceOptions

  @Option(help: "How to write the log.")
  var logFormat = LogFormat.text

  @Option(help: "gVisor's program.")
  var runsc = "runsc"

  @Option(help: "SPIFFE trust domain.", transform: parseText)
  var trustDomain: TrustDomain = .default

  @Option(help: "PEM file of the authorities that vouch for hosts with a credential.")
  var upstreamAuthorities = UpstreamSettings.defaultAuthorities

  @Option(help: "Address of the DNS server that finds the agents' hosts.")
  var resolver: String?

  @Flag(help: "End every agent, remove the instance's kernel objects, and leave.")
  var drain = false

  @Option(help: "With --drain: seconds that the agents' programs have after SIGTERM.")
  var grace = 0

  func run() async throws {
    let logger = ServiceRun.logger("node", logFormat)
    let layout = try instance.layout()
    let (runsc, trustDomain) = (runsc, trustDomain)
    let upstream = UpstreamSettings(authorities: upstreamAuthorities, server: resolver)
    if drain {
      // To end agents no policy is needed; a broken one must not keep them running. Without one, all is denied.
      let policy = try? Policy.load(directory: layout.policyDirectory)
      try await NodeService.drain(
        NodeService.Configuration(
          layout: layout, runtime: runsc, deniedDestinations: policy?.deniedDestinations ?? ["0.0.0.0/0", "::/0"]),
        grace: .seconds(max(0, grace)), logger: logger)
      return
    }
    try await ServiceRun.run("node") {
      let policy = try Policy.load(directory: layout.policyDirectory)
      let service = try await NodeService.open(
        NodeService.Configuration(
          layout: layout, runtime: runsc, trustDomain: trustDomain, deniedDestinations: policy.deniedDestinations,
          authorizationPolicies: policy.authorizationPolicies, upstream: upstream), logger: logger)
      try await service.run()
    }
  }
}
