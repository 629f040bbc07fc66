import AgentModel
import ArgumentParser
import Foundation
import Operator

struct AwaitIsolationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "await-isolation", abstract: "Hold an agent's Pod back until its NetworkPolicies are in force.",
    discussion: """
      The first container of an agent's Pod on a cluster. It ends when an address that the Pod's policies close no longer
      answers while one that they open does, and fails when that is not so after --timeout: then the cluster's network
      enforces no policies for this Pod, and the agent does not start.
      """)

  @Option(
    help: ArgumentHelp(
      "What has to be closed, by its IP address (default: the cluster's API server).", valueName: "address:port"))
  var closed: String?

  @Option(help: ArgumentHelp("What the policies open, and has to answer.", valueName: "address:port"))
  var open: String?

  @Option(help: "Longest wait, in seconds.")
  var timeout = 30.0

  func validate() throws {
    if !(0...3600).contains(timeout) { throw ValidationError("--timeout is not between 0 and 3600") }
    for (option, text) in [("--closed", closed), ("--open", open)] {
      if let text, ListenAddress(text) == nil {
        throw ValidationError("\(option) is not an address and a port: '\(text)'")
      }
    }
  }

  func run() async throws {
    let limit = Duration.seconds(timeout)
    var wait =
      if let address = closed.flatMap(ListenAddress.init) {
        IsolationWait(host: address.host, port: Int(address.port), limit: limit)
      } else { try IsolationWait(environment: ProcessInfo.processInfo.environment, limit: limit) }
    wait.open = open.flatMap(ListenAddress.init).map { ($0.host, Int($0.port)) }
    try await wait.run()
  }
}
