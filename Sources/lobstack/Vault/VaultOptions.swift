import APIModel
import ArgumentParser
import SecretStore
import Supervision

/// Which secrets manager a command is about: an instance's, or a node of a cluster on this machine.
struct VaultOptions: ParsableArguments {
  @OptionGroup var instance: InstanceOptions

  @Option(
    help: ArgumentHelp(
      "Directory of a node that 'lobstack vault cluster run' runs here, instead of an instance.",
      valueName: "directory"), completion: .directory)
  var node: String?

  func manager() throws -> VaultOperator {
    guard let node else { return try VaultOperator(layout: try instance.layout()) }
    return try VaultOperator(node: try ClusterNode(directory: node))
  }

  func recording<Value: Sendable>(
    _ action: SecretsManagerOperation.Action, _ body: () async throws -> Value
  ) async throws -> Value {
    // A node's machine need not have a platform.
    try await OperationRecord(layout: node == nil ? instance.layout() : nil).of(action, body)
  }
}
