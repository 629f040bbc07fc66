import AgentModel
import ArgumentParser
import Foundation
import Operator

struct AwaitIsolationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "await-isolation", abstract: "Hold an agent's Pod back until its NetworkPolicies are in force.",
    discussion: """
      The first container of an agent's Pod on a cluster. It ends when an address that the Pod's policies close no longer
      answers, and fails when it still does after --timeout: then the cluster's network enforces no policies for this Pod,
      and the agent does not start.
      """)

  @Option(
    help: ArgumentHelp(
      "What has to be closed, by its IP address (default: the cluster's API server).", valueName: "address:port"))
  var closed: String?

  @Option(help: "Longest wait, in seconds.")
  var timeout = 30.0

  func validate() throws {
    if !(0...3600).contains(timeout) { throw ValidationError("--timeout is not between 0 and 3600") }
    if let closed, ListenAddress(closed) == nil {
      throw ValidationError("--closed is not an address and a port: '\(closed)'")
    }
  }

  func run() async throws {
    let limit = Duration.seconds(timeout)
    if let address = closed.flatMap(ListenAddress.init) {
      try await IsolationWait(host: address.host, port: Int(address.port), limit: limit).run()
    } else {
      try await IsolationWait(environment: ProcessInfo.processInfo.environment, limit: limit).run()
    }
  }
}
