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
}
