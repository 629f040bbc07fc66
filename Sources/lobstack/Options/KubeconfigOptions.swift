import ArgumentParser
import Foundation
import KubernetesAPI

/// Which cluster's API is asked.
struct KubeconfigOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Kubeconfig (default: as kubectl finds it).", valueName: "file"), completion: .file())
  var kubeconfig: String?

  @Option(help: "Context of the kubeconfig (default: its current one).")
  var context: String?

  /// - Throws: `Fault` when there is none, or one that cannot be used.
  func configuration() throws -> KubernetesConfiguration {
    try KubernetesConfiguration.discover(
      kubeconfig: kubeconfig, context: context, environment: ProcessInfo.processInfo.environment)
  }
}
